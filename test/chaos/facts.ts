import { appendFileSync, closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * What a process has seen with its own eyes, written by nobody but the tasks themselves and the program around them. `seq`
 * is the position of the last event that the journal had at that moment, read through a connection of its own.
 */
export type Fact =
  /** Before the engine is there: how far the journal is, and what its events so far are, as a digest. */
  | {
      readonly what: 'opened';
      readonly job: string;
      readonly name: string;
      readonly seq: number;
      readonly digest: string;
    }
  | (OfTask & {
      /** An attempt's function was entered: that of a task, of an instance, of a sensor. */
      readonly what: 'began';
      readonly seq: number;
      readonly key: string;
      /** Of the checkpoint that it was handed; 0 for none. */
      readonly step: number;
    })
  | (OfTask & { readonly what: 'succeeded' | 'failed' | 'aborted' | 'looked' })
  /** A checkpoint was answered as kept. */
  | (OfTask & { readonly what: 'saved'; readonly step: number })
  | { readonly what: 'refused'; readonly job: string; readonly error: string }
  /** The end of a job was told to the program. */
  | { readonly what: 'over'; readonly job: string; readonly state: string };

export type OfTask = { readonly job: string; readonly task: string; readonly attempt: number };

export type Facts = {
  readonly say: (fact: Fact) => void;
  /** How many such facts of a task there have been, in all processes. */
  readonly count: (what: Fact['what'], job: string, task: string) => number;
};

/** The file of facts: one line each, which outlives the process that wrote it. */
export const openFacts = (file: string): Facts => {
  const counts = new Map<string, number>();
  const count = (fact: Fact): void => {
    if (!('task' in fact)) return;
    const key = keyOf(fact.what, fact.job, fact.task);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  // A line that its process did not finish must not spoil the next.
  if (existsSync(file)) appendFileSync(file, '\n');
  for (const fact of readFacts(file)) count(fact);
  const handle = openSync(file, 'a');
  process.once('exit', () => closeSync(handle));
  return {
    say: (fact) => {
      writeSync(handle, `${JSON.stringify(fact)}\n`);
      count(fact);
    },
    count: (what, job, task) => counts.get(keyOf(what, job, task)) ?? 0,
  };
};

export const readFacts = (file: string): readonly Fact[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').flatMap(factIn) : [];

const factIn = (line: string): readonly Fact[] => {
  try {
    return line === '' ? [] : [JSON.parse(line)];
  } catch {
    return [];
  }
};

const keyOf = (what: string, job: string, task: string): string => `${what} ${job} ${task}`;
