import { type JobDefinition, type StartArguments, sealDefinition } from './definition.ts';
import { JobDefinitionError } from './errors.ts';
import type { ContextOf, DepsOf, IsCertain, Named, NewName, OutputOf, TaskType, Valid } from './infer.ts';
import type { Job } from './job.ts';
import type { JobOptions, TaskOptions } from './options.ts';
import type { Problem } from './problem.ts';
import type { TaskFunction, TaskScope } from './task-function.ts';
import { type TaskDraft, validate } from './validate.ts';

/** Describes a job task by task. Mutable and fluent, until `seal` or `start`. */
export class JobBuilder<Input extends object = Record<never, never>, Tasks extends TaskType = never> {
  readonly name: string;
  readonly #options: JobOptions | undefined;
  readonly #drafts: TaskDraft[] = [];
  #sealed: JobDefinition<Input, Tasks> | undefined;

  /** @internal */
  constructor(name: string, options: JobOptions | undefined) {
    this.name = name;
    this.#options = options;
  }

  get sealed(): boolean {
    return this.#sealed !== undefined;
  }

  // What the builder knows of its job is inferred anew from `this`. The class's own parameters say the same, but with them
  // tsc walks all tasks again in every type of every call: 400 tasks take it 10 s instead of 0.3 s.
  /**
   * Adds a task. What is wrong with it is reported by `seal`, together with everything else.
   * @throws JobDefinitionError `SEALED`
   */
  task<Input extends object, Tasks extends TaskType, const Name extends string, Result>(
    this: JobBuilder<Input, Tasks>,
    name: NewName<Tasks['name'], Name>,
    run: (scope: TaskScope<ContextOf<Input, never, never>, DepsOf<never, never>>) => Valid<Result>,
  ): JobBuilder<Input, Tasks | TaskType<Name, OutputOf<Result>, IsCertain<Name, false>>>;
  /**
   * Adds a task that waits on others, is tried again, is limited in time … What is wrong with it is reported by `seal`.
   * @throws JobDefinitionError `SEALED`
   */
  task<
    Input extends object,
    Tasks extends TaskType,
    const Name extends string,
    Result,
    const Needs extends Tasks['name'] = never,
    const Tolerated extends boolean = false,
  >(
    this: JobBuilder<Input, Tasks>,
    name: NewName<Tasks['name'], Name>,
    options: TaskOptions<Needs, Tolerated>,
    run: (
      scope: TaskScope<ContextOf<Input, Named<Tasks, Needs>, Needs>, DepsOf<Named<Tasks, Needs>, Needs>>,
    ) => Valid<Result>,
  ): JobBuilder<Input, Tasks | TaskType<Name, OutputOf<Result>, IsCertain<Name, Tolerated>>>;
  task(name: string, first: unknown, second?: unknown): unknown {
    if (this.#sealed) {
      const message = `Task "${name}" came after the job was sealed. Add it before seal() and start().`;
      throw new JobDefinitionError(this.name, [{ code: 'SEALED', message, tasks: [name] }]);
    }
    const [options, run] = typeof first === 'function' ? [undefined, first] : [first, second];
    this.#drafts.push({ name, options: options as TaskOptions | undefined, run: run as TaskFunction });
    return this;
  }

  /** The problems found so far, without throwing. */
  validate(): readonly Problem[] {
    return validate(this.name, this.#drafts, this.#options).problems;
  }

  /** The frozen definition; the same one when called again. @throws JobDefinitionError */
  seal(): JobDefinition<Input, Tasks> {
    this.#sealed ??= sealDefinition<Input, Tasks>(this.name, this.#drafts, this.#options);
    return this.#sealed;
  }

  /** Seals, and starts a job. @throws JobDefinitionError @throws OptionError */
  start(...args: StartArguments<Input>): Job<Input, Tasks> {
    return this.seal().start(...args);
  }
}

/** Begins the description of a job that takes `Input`. */
export const defineJob = <Input extends object = Record<never, never>>(
  name: string,
  options?: JobOptions,
): JobBuilder<Input, never> => new JobBuilder<Input, never>(name, options);
