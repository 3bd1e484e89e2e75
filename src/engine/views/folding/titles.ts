import type { Group } from './level.ts';
import { sharedWords } from './shared-words.ts';

/** Returns the title of a group: a name, or what the names of its tasks share with their number. */
export const titleOf = ({ kind, tasks, columns }: Group, names: readonly string[]): string => {
  const nameOf = (task: number | undefined): string => names[task ?? -1] ?? '';
  const shared = (): string => sharedWords(tasks.map(nameOf));
  switch (kind) {
    case 'task':
    case 'nested':
    case 'map':
      return nameOf(tasks[0]);
    case 'chain':
      return shared() || `${nameOf(tasks[0])} … ${nameOf(tasks.at(-1))}`;
    case 'table':
      return `${columns?.[0]?.length} × ${columns?.length} steps`;
    case 'alike':
    case 'layer': {
      const words = shared();
      return words === '' ? tasksText(tasks.length) : `${words}: ${tasksText(tasks.length)}`;
    }
    case 'layers':
      return `${tasksText(tasks.length)} in ${columns?.length} layers`;
  }
};

/** Returns `1,000`; the same in every locale. */
export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

const tasksText = (count: number): string => `${countText(count)} tasks`;
