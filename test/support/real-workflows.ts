import { readFileSync } from 'node:fs';

/** A task as a scheduler sees it: how long it takes, in ms, and the numbers of its upstreams. */
export type TimedTask = { readonly ms: number; readonly upstreams: readonly number[] };

/** The durations and edges of 25 real workflows. */
export const realWorkflows = (): readonly { readonly name: string; readonly tasks: readonly TimedTask[] }[] =>
  readFileSync(new URL('../fixtures/workflows.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const { name, cs, up } = JSON.parse(line) as { readonly name: string; readonly cs: string; readonly up: string };
      const upstreams = up.split(',').map((list) => (list === '' ? [] : list.split(' ').map(Number)));
      const tasks = cs.split(' ').map((text, at) => ({ ms: 10 * Number(text), upstreams: upstreams[at] ?? [] }));
      return { name, tasks };
    });
