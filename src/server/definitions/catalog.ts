/* Which jobs can be started. `catalog.ts` holds the definitions of code, of files and of uploads by their names;
 * `workflow-folder.ts` reads a folder of workflow files, and reads what has changed; `uploads.ts` keeps what was uploaded,
 * if `upload-rules.ts` allow it. */

import type { AnyDefinition } from '../../engine/job-definition.ts';
import type { WorkflowProblem } from '../../workflow/problem.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';

/** A definition that jobs may be started from, or a file that can't be read as one. */
export type Entry = {
  readonly name: string;
  readonly source: 'code' | 'file' | 'upload';
  /** The path of the file within the folder. */
  readonly file?: string | undefined;
  /** The definition; of a file with problems the last one without, if there is any. */
  readonly definition?: AnyDefinition | undefined;
  /** The workflow that the definition was made of. */
  readonly loaded?: LoadedWorkflow | undefined;
  /** What keeps the file, as it is now, from being used. */
  readonly problems: readonly WorkflowProblem[];
  /** When it was read or uploaded, in epoch ms. */
  readonly changedAt?: number | undefined;
};

export type Catalog = {
  /** All entries by name. Code goes before files, and files go before uploads. */
  readonly entries: () => ReadonlyMap<string, Entry>;
  /** Names a source that gives other entries from now on. */
  readonly changed: (source: Entry['source'], entries: readonly Entry[]) => void;
  /** Calls `listener` when entries have changed; returns a function that ends this. */
  readonly onChange: (listener: () => void) => () => void;
};

export const createCatalog = (definitions: readonly AnyDefinition[]): Catalog => {
  const sources = new Map<Entry['source'], readonly Entry[]>([
    ['code', definitions.map((definition) => ({ name: definition.name, source: 'code', definition, problems: [] }))],
  ]);
  const listeners = new Set<() => void>();
  let byName: ReadonlyMap<string, Entry> | undefined;
  return {
    entries: () => {
      byName ??= new Map(
        (['upload', 'file', 'code'] as const).flatMap((source) =>
          (sources.get(source) ?? []).map((entry) => [entry.name, entry] as const),
        ),
      );
      return byName;
    },
    changed: (source, entries) => {
      sources.set(source, entries);
      byName = undefined;
      for (const listener of listeners) listener();
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};
