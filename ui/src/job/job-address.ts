import { useMemo } from 'react';
import { type HistoryMode, readList, useParameters, writeList } from '../address/parameters.ts';

/** Which pictures of the job are seen. */
export type JobPictures = 'graph' | 'both' | 'time';

/** All that the address says of a job's page. Tasks are named by their paths. */
export type JobAddress = {
  readonly pictures: JobPictures;
  readonly task: string | undefined;
  readonly attempt: number | undefined;
  /** Keys of the boxes and rows that are unfolded. */
  readonly open: ReadonlySet<string>;
  /** Whether everything is unfolded, as far as that gives a picture. */
  readonly unfoldsAll: boolean;
  /** Only tasks of these states stand out. */
  readonly states: ReadonlySet<string>;
  readonly find: string;
  readonly showsCritical: boolean;
  /** Whether the metrics of the last jobs of the same name are seen. */
  readonly showsMetrics: boolean;
  /** Only what is around this task. */
  readonly around: string | undefined;
  /** The moment on show, in ms since the start of the job; undefined: now. */
  readonly at: number | undefined;
  /** The times that the timeline shows, in ms since the start of the job. */
  readonly range: readonly [number, number] | undefined;
  readonly change: (change: JobAddressChange, mode?: HistoryMode) => void;
};

export type JobAddressChange = Partial<{
  pictures: JobPictures;
  task: string | undefined;
  attempt: number | undefined;
  open: Iterable<string>;
  unfoldsAll: boolean;
  states: Iterable<string>;
  find: string;
  showsCritical: boolean;
  showsMetrics: boolean;
  around: string | undefined;
  at: number | undefined;
  range: readonly [number, number] | undefined;
}>;

const numberOf = (text: string | null): number | undefined =>
  text === null || text === '' || !Number.isFinite(Number(text)) ? undefined : Number(text);

const rangeOf = (text: string | null): readonly [number, number] | undefined => {
  const [from, to] = (text ?? '').split('-').map(Number);
  return from !== undefined && to !== undefined && from < to ? [from, to] : undefined;
};

const WRITE: { readonly [Name in keyof JobAddressChange]-?: readonly [string, (value: never) => string | undefined] } =
  {
    pictures: ['view', (value: JobPictures) => (value === 'both' ? undefined : value)],
    task: ['task', (value: string | undefined) => value],
    attempt: ['attempt', (value: number | undefined) => value?.toString()],
    open: ['open', (value: Iterable<string>) => writeList(value)],
    unfoldsAll: ['fold', (value: boolean) => (value ? 'none' : undefined)],
    states: ['state', (value: Iterable<string>) => writeList(value)],
    find: ['find', (value: string) => value],
    showsCritical: ['path', (value: boolean) => (value ? 'critical' : undefined)],
    showsMetrics: ['show', (value: boolean) => (value ? 'metrics' : undefined)],
    around: ['around', (value: string | undefined) => value],
    at: ['at', (value: number | undefined) => (value === undefined ? undefined : String(Math.round(value)))],
    range: [
      'range',
      (value: readonly [number, number] | undefined) => value && `${Math.round(value[0])}-${Math.round(value[1])}`,
    ],
  };

export const useJobAddress = (): JobAddress => {
  const [query, changeQuery] = useParameters();
  const text = query.toString();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `text` is what `query` holds
  return useMemo(() => {
    const view = query.get('view');
    return {
      pictures: view === 'graph' || view === 'time' ? view : 'both',
      task: query.get('task') ?? undefined,
      attempt: numberOf(query.get('attempt')),
      open: new Set(readList(query.get('open'))),
      unfoldsAll: query.get('fold') === 'none',
      states: new Set(readList(query.get('state'))),
      find: query.get('find') ?? '',
      showsCritical: query.get('path') === 'critical',
      showsMetrics: query.get('show') === 'metrics',
      around: query.get('around') ?? undefined,
      at: numberOf(query.get('at')),
      range: rangeOf(query.get('range')),
      change: (change, mode) => {
        const next: Record<string, string | undefined> = {};
        for (const [name, value] of Object.entries(change)) {
          const [parameter, write] = WRITE[name as keyof JobAddressChange];
          next[parameter] = (write as (value: unknown) => string | undefined)(value);
        }
        changeQuery(next, mode);
      },
    };
  }, [text, changeQuery]);
};
