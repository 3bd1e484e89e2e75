import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { ApiError, onSignedOut, request } from '../api/request.ts';
import { SignIn } from './sign-in.tsx';

export type Role = 'viewer' | 'worker' | 'operator' | 'admin';

export type WhoAmI = {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly owners?: readonly string[];
  /** Of a browser that has signed in; without tokens nobody has to. */
  readonly session?: { readonly endsAt: number };
};

/** Which roles allow what: work on units is allowed to operators, too. */
const RANK: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ['viewer', 'operator', 'admin'],
  worker: ['worker', 'operator', 'admin'],
  operator: ['operator', 'admin'],
  admin: ['admin'],
};

type Session = {
  readonly who: WhoAmI;
  /** Whether who is signed in may do what this role may. */
  readonly may: (role: Role) => boolean;
  /** Why something is disabled; undefined if it is not. */
  readonly refusal: (role: Role) => string | undefined;
  readonly signOut: () => Promise<void>;
};

const SessionContext = createContext<Session | undefined>(undefined);

export const useSession = (): Session => {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('useSession: outside of a SessionGate');
  return session;
};

/** Shows what is inside to who is signed in, and a form to sign in to everybody else. */
export const SessionGate = ({ children }: { readonly children: ReactNode }) => {
  const [who, setWho] = useState<WhoAmI | 'nobody' | undefined>();
  const [error, setError] = useState<string>();
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` asks again
  useEffect(() => {
    let gone = false;
    let again: ReturnType<typeof setTimeout> | undefined;
    request<WhoAmI>('/whoami').then(
      (answer) => {
        if (gone) return;
        setError(undefined);
        setWho(answer);
      },
      (reason: unknown) => {
        if (gone) return;
        if (reason instanceof ApiError && reason.status === 401) return setWho('nobody');
        setError(reason instanceof Error ? reason.message : String(reason));
        const waitMs = reason instanceof ApiError ? reason.retryAfterMs : 0;
        again = setTimeout(() => setTurn((before) => before + 1), Math.max(1000, waitMs));
      },
    );
    return () => {
      gone = true;
      clearTimeout(again);
    };
  }, [turn]);
  useEffect(() => onSignedOut(() => setWho('nobody')), []);

  if (who === 'nobody') return <SignIn onSignedIn={() => setTurn((before) => before + 1)} />;
  if (who === undefined)
    return (
      <main className="notice" aria-busy="true">
        {error === undefined ? null : <p role="status">{error} Trying again …</p>}
      </main>
    );
  const may = (role: Role): boolean => RANK[role].some((one) => who.roles.includes(one));
  const session: Session = {
    who,
    may,
    refusal: (role) => (may(role) ? undefined : `This needs the role ${role}; you have ${who.roles.join(', ')}`),
    signOut: async () => {
      try {
        await request('/session', { method: 'DELETE' });
        setWho('nobody');
      } catch (reason) {
        // Who is not signed in any more is shown the form already.
        if (!(reason instanceof ApiError && reason.status === 401)) throw reason;
      }
    },
  };
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
};
