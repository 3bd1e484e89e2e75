import { OPEN } from '../access/principal.ts';
import { HttpProblem, RETRY_SOON } from '../http/problem.ts';

export const MAX_STREAMS = 2_000;
export const MAX_STREAMS_OF_TOKEN = 20;

/** Counts streams, all together and by token. */
export const streamSlots = () => {
  const byToken = new Map<string, number>();
  let taken = 0;
  return {
    taken: () => taken,
    /** Returns a function that gives the slot back. @throws HttpProblem */
    take: (id: string): (() => void) => {
      const own = byToken.get(id) ?? 0;
      // Those who need no token share no limit: they may be many.
      if (taken >= MAX_STREAMS) throw tooMany(`the server has ${MAX_STREAMS} streams`);
      if (own >= MAX_STREAMS_OF_TOKEN && id !== OPEN.id) throw tooMany(`the token has ${MAX_STREAMS_OF_TOKEN} streams`);
      taken++;
      byToken.set(id, own + 1);
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        taken--;
        const left = (byToken.get(id) ?? 1) - 1;
        if (left > 0) byToken.set(id, left);
        else byToken.delete(id);
      };
    },
  };
};

const tooMany = (what: string): HttpProblem =>
  new HttpProblem(429, 'TOO_MANY_WAITING', `Too many listen: ${what} already.`, { headers: RETRY_SOON });
