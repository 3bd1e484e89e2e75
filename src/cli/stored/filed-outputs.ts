import { storedKeys, visitReferences } from '../../engine/durable/serialise.ts';
import { instanceErrorData } from '../../engine/durable/task-error-data.ts';
import { isInnerPath, isInstancePath } from '../../engine/durable/task-path.ts';
import type { JobEvent } from '../../events/event.ts';

/** Characters of JSON that an output stands for, with what it refers to: the whole, and the value of each key. */
type Sizes = { readonly whole: number; readonly keys: ReadonlyMap<string, number> };

/** The most that an output may stand for, in characters of JSON. No job stores more; a made-up file could, in few lines. */
export const MAX_EXPANDED = 1024 * 1024 * 1024;

/** The outputs and errors in an export file to which the outputs and notes in later lines can refer. */
export class FiledOutputs {
  readonly #sizes = new Map<number, Sizes>();

  /** Adds what an event stores. Returns what is wrong with the references in its output, if anything is. */
  add(event: JobEvent, output: unknown): string | undefined {
    const error = instanceErrorData(event);
    if (error) this.#sizes.set(event.seq, { whole: JSON.stringify(error).length, keys: new Map() });
    if (output === undefined) return undefined;
    const path = 'task' in event ? event.task : '';
    try {
      if (isInstancePath(path))
        visitReferences(output, ({ seq }) => {
          throw new Wrong(`refers to event ${seq}, but is that of an item, which refers to nothing`);
        });
      const keys = new Map(storedKeys(output).map(([key, value]) => [key, this.#sizeOf(value)]));
      const whole = keys.size > 0 ? [...keys.values()].reduce((sum, size) => sum + size) : this.#sizeOf(output);
      if (whole > MAX_EXPANDED)
        return `"output" stands for more than ${MAX_EXPANDED / MIB} MiB, with what it refers to`;
      if (isInnerPath(path)) this.#sizes.set(event.seq, { whole, keys });
    } catch (problem) {
      if (!(problem instanceof Wrong)) throw problem;
      return `"output" ${problem.message}`;
    }
    return undefined;
  }

  /** Returns what is wrong with the references in a note, if anything is. */
  problemIn(note: unknown): string | undefined {
    try {
      if (this.#sizeOf(note) > MAX_EXPANDED)
        return `"value" stands for more than ${MAX_EXPANDED / MIB} MiB, with what it refers to`;
    } catch (problem) {
      if (!(problem instanceof Wrong)) throw problem;
      return `"value" ${problem.message}`;
    }
    return undefined;
  }

  /** @throws Wrong if a reference has no target in the lines before */
  #sizeOf(stored: unknown): number {
    let size = JSON.stringify(stored).length;
    visitReferences(stored, ({ seq, key }) => {
      const sizes = this.#sizes.get(seq);
      const referred = key === undefined ? sizes?.whole : sizes?.keys.get(key);
      const what = key === undefined ? '' : `the key "${key}" of `;
      if (referred === undefined)
        throw new Wrong(`refers to ${what}the output of event ${seq}, which no line before has`);
      size += referred;
    });
    return size;
  }
}

class Wrong extends Error {}

const MIB = 1024 * 1024;
