import type { TaskState } from '../../events/event.ts';
import { edgesOf, type GraphView, type TaskView } from './graph-view.ts';

/** A task at the border between completed and uncompleted tasks of a job. All lists of names are sorted. */
export type FrontierItem = {
  readonly task: string;
  readonly state: TaskState;
  readonly blockedBy: readonly string[];
  /** The task itself and all tasks downstream of it. Computed on first read. */
  readonly subtree: readonly string[];
};

/** Returns, sorted by name, uncompleted tasks whose upstreams have all completed, and tasks failed or not ready. */
export const frontierOf = (view: GraphView): FrontierItem[] => {
  const links = linksOf(view);
  return view.tasks
    .filter((task) => isOpen(task) && (isStuck(task) || blockersOf(task, links).length === 0))
    .sort(inNameOrder)
    .map((task) => itemOf(task, links));
};

/** Returns, sorted by name, the completed tasks that have an uncompleted task anywhere downstream. */
export const boundaryOf = (view: GraphView): FrontierItem[] => {
  const links = linksOf(view);
  const aboveOpen = new Set(view.tasks.filter(isOpen));
  for (const task of aboveOpen) for (const up of links.get(task.name)?.upstream ?? []) aboveOpen.add(up);
  return view.tasks
    .filter((task) => !isOpen(task) && aboveOpen.has(task))
    .sort(inNameOrder)
    .map((task) => itemOf(task, links));
};

type Links = ReadonlyMap<string, { readonly upstream: TaskView[]; readonly downstream: TaskView[] }>;

const linksOf = (view: GraphView): Links => {
  const links: Links = new Map(view.tasks.map(({ name }) => [name, { upstream: [], downstream: [] }]));
  for (const { from, to } of edgesOf(view)) {
    links.get(to.name)?.upstream.push(from);
    links.get(from.name)?.downstream.push(to);
  }
  return links;
};

const isOpen = ({ state }: TaskView): boolean => state !== 'completed';
const isStuck = ({ state }: TaskView): boolean => state === 'failed' || state === 'notReady';

const blockersOf = ({ name }: TaskView, links: Links): string[] =>
  (links.get(name)?.upstream ?? []).filter(isOpen).map((up) => up.name);

const itemOf = (task: TaskView, links: Links): FrontierItem => {
  let subtree: readonly string[] | undefined;
  return {
    task: task.name,
    state: task.state ?? 'unscheduled',
    blockedBy: blockersOf(task, links).sort(),
    get subtree() {
      subtree ??= subtreeOf(task.name, links);
      return subtree;
    },
  };
};

const subtreeOf = (root: string, links: Links): string[] => {
  const seen = new Set([root]);
  for (const name of seen) for (const down of links.get(name)?.downstream ?? []) seen.add(down.name);
  return [...seen].sort();
};

/** Compares by UTF-16 code units, so that the order is the same in every locale. */
const inNameOrder = (a: TaskView, b: TaskView): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
