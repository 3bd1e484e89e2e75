import type { PlacedProblem } from './source.ts';
import type { Upstream } from './upstream.ts';

export type Path = readonly PropertyKey[];
export type Mapping = Readonly<Record<string, unknown>>;

/** What is wrong in a file, and where: `reference-problems.ts` makes a problem of it. */
export type Complaint = {
  readonly path: Path;
  readonly near?: string;
  /** The place to point at: an offset in the text at the path. */
  readonly fault?: { readonly text: string; readonly at: number };
  /** Where to point at, if that is known. */
  readonly offset?: number;
  readonly code: PlacedProblem['code'];
  readonly message: string;
};

export type Complaints = Generator<Complaint, void>;

/** What the file declares, for those who look names up. */
export type Declarations = {
  readonly params: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
  readonly pools: Mapping;
  /** The pool of tasks that don't name a pool. */
  readonly defaultPool: unknown;
  /** Returns the hint that a function finds among all declared names; without looking, if there were many already. */
  readonly hint: (find: () => string) => string;
};

/** What holds around the tasks of a level. */
export type Around = {
  readonly declared: Declarations;
  /** The order of the tasks of outer levels, the innermost first, each with the task that stands around. */
  readonly upstreams: readonly { readonly task: string; readonly upstream: Upstream }[];
  /** Whether the tasks stand inside an item of a `map`. */
  readonly hasItem: boolean;
  /** Whether the job has tasks that are not in the file. */
  readonly isPart: boolean;
  readonly defaults: Mapping;
};
