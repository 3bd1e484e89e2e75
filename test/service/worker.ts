// node worker.mjs URL NAME [COUNT]: a client for the tests. Takes units of the owner `any`, says `claimed ID` and `done ID`, and
// works for `data.ms`; at the unit of that count it never ends. What it survives it says as `problem CODE ID`.
import { setTimeout } from 'node:timers/promises';
import { createClient, ServiceError } from 'tintype/client';

const [, , url = '', name = 'worker', hangsAt] = process.argv;
let claims = 0;
const say = (...words: readonly string[]): void => void process.stdout.write(`${words.join(' ')}\n`);

const work = createClient({ url, maxRetries: 20 }).work({
  owners: ['any'],
  worker: name,
  leaseMs: 1000,
  handler: async (unit, { signal }) => {
    say('claimed', unit.id);
    const ms = ++claims === Number(hangsAt) ? 3_600_000 : ((unit.data as { ms?: number } | undefined)?.ms ?? 0);
    await setTimeout(ms, undefined, { signal });
    say('done', unit.id);
    return { by: name };
  },
  onProblem: (error, unit) =>
    say('problem', error instanceof ServiceError ? error.code : error.message, unit?.id ?? '-'),
});
process.once('SIGTERM', () => work.stop());
say('working');
await work.done;
