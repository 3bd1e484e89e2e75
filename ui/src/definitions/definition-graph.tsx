import { useMemo } from 'react';
import type { JobColumns } from '../../../src/wire/job-columns.ts';
import { KIND_LETTERS, STATE_LETTERS } from '../../../src/wire/letters.ts';
import { readList, useParameters, writeList } from '../address/parameters.ts';
import { GraphView } from '../graph/graph-view.tsx';
import { JobModel } from '../job/job-model.ts';
import type { JobFocus } from '../job/job-page.tsx';

export type DefinitionTask = {
  readonly name: string;
  readonly kind: 'task' | 'sensor' | 'external' | 'job' | 'map';
  readonly dependsOn: readonly string[];
};

const KINDS = { task: 'function', sensor: 'sensor', external: 'external', job: 'job', map: 'map' } as const;

const FOCUS = {
  selected: -1,
  select: () => undefined,
  unfoldsAll: false,
  states: new Set<string>(),
  hits: undefined,
  critical: undefined,
  preview: undefined,
  around: -1,
} as const;

/** The graph of a definition: that of a job of which nothing has begun. */
export const DefinitionGraph = ({ tasks }: { readonly tasks: readonly DefinitionTask[] }) => {
  const key = JSON.stringify(tasks);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same tasks come again and again
  const model = useMemo(() => new JobModel(columnsOf(tasks)), [key]);
  const [query, change] = useParameters();
  const text = query.get('open');
  const open = useMemo(() => new Set(readList(text)), [text]);
  const toggle = (box: string): void => {
    const next = new Set(open);
    if (!next.delete(box)) next.add(box);
    change({ open: writeList(next) }, 'push');
  };
  const focus: JobFocus = { ...FOCUS, open, toggle };
  return (
    <div className="definition-graph">
      <GraphView model={model} focus={focus} />
    </div>
  );
};

const columnsOf = (tasks: readonly DefinitionTask[]): JobColumns => {
  const at = new Map(tasks.map(({ name }, index) => [name, index]));
  const none = tasks.map(() => -1);
  return {
    seq: -1,
    epoch: '',
    startedAt: 0,
    now: 0,
    names: tasks.map(({ name }) => name).join('\n'),
    parent: none,
    kind: tasks.map(({ kind }) => KIND_LETTERS[KINDS[kind]]).join(''),
    up: tasks.map(({ dependsOn }) => dependsOn.flatMap((name) => at.get(name) ?? [])),
    state: STATE_LETTERS.unscheduled.repeat(tasks.length),
    readyAt: none,
    startAt: none,
    endAt: none,
    attempt: tasks.map(() => 0),
    job: { id: '', name: '', state: 'idle', labels: {}, runs: 'nowhere', createdAt: 0, endedAt: 0 },
  };
};
