import { AGAIN_MS, type ApiError, apiErrorOf, isPassing } from '../api/request.ts';

export type PagesOptions<Row> = {
  /** Rows of a page. */
  readonly size: number;
  /** How many pages are kept at most, of those far from the last one. */
  readonly kept: number;
  /** Asks the server for the rows of a page. */
  readonly ask: (page: number) => Promise<readonly Row[]>;
  /** Called when there is something else to show, or to ask for. */
  readonly onChange: () => void;
};

const MOST_PAUSE_MS = 5000;

/**
 * The rows of a long list, page by page as they come in sight. A page is asked for once at a time, so no answer overtakes
 * another; after a failure there is a pause, or nothing is asked any more if the same would be refused again.
 */
export class Pages<Row> {
  readonly #options: PagesOptions<Row>;
  readonly #held = new Map<number, readonly Row[]>();
  readonly #stale = new Set<number>();
  /** Pages that are asked for, with what has changed meanwhile: the answer may be older. */
  readonly #asked = new Map<number, ((row: Row) => Row)[]>();
  #failures = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #error: ApiError | undefined;

  constructor(options: PagesOptions<Row>) {
    this.#options = options;
  }

  /** Why the last page that was asked for did not come. */
  get error(): ApiError | undefined {
    return this.#error;
  }

  /** The row at a place; undefined until its page has come. */
  row(place: number): Row | undefined {
    const { size } = this.#options;
    return this.#held.get(Math.floor(place / size))?.[place % size];
  }

  /** Asks for what is missing of the rows from one place to before another. */
  need(from: number, to: number): void {
    const { size } = this.#options;
    for (let page = Math.floor(from / size); page * size < to; page += 1) void this.#ask(page);
  }

  /** Asks again for a page, or for all, when they are next needed; what was shown stays until then. */
  refresh(page?: number): void {
    for (const one of page === undefined ? [...this.#held.keys(), ...this.#asked.keys()] : [page]) this.#stale.add(one);
    if (this.#isRefused()) this.#error = undefined;
  }

  /** Changes rows wherever they are. */
  change(change: (row: Row) => Row): void {
    for (const [page, rows] of this.#held) this.#held.set(page, rows.map(change));
    for (const changes of this.#asked.values()) changes.push(change);
  }

  /** Ends the pause after a failure, without asking. */
  stop(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  async #ask(page: number): Promise<void> {
    const isKnown = this.#held.has(page) && !this.#stale.has(page);
    if (isKnown || this.#asked.has(page) || this.#pause !== undefined || this.#isRefused()) return;
    const changes: ((row: Row) => Row)[] = [];
    this.#asked.set(page, changes);
    this.#stale.delete(page);
    try {
      const rows = await this.#options.ask(page);
      this.#held.set(
        page,
        rows.map((row) => changes.reduce((changed, change) => change(changed), row)),
      );
      this.#failures = 0;
      this.#error = undefined;
      this.#forgetFar(page);
    } catch (reason) {
      if (this.#held.has(page)) this.#stale.add(page);
      this.#fail(apiErrorOf(reason));
    }
    this.#asked.delete(page);
    this.#options.onChange();
  }

  #isRefused(): boolean {
    return this.#error !== undefined && !isPassing(this.#error);
  }

  #fail(error: ApiError): void {
    this.#error = error;
    if (!isPassing(error)) return;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(
      () => {
        this.#pause = undefined;
        this.#options.onChange();
      },
      Math.max(error.retryAfterMs, Math.min(MOST_PAUSE_MS, AGAIN_MS * 2 ** this.#failures)),
    );
    this.#failures += 1;
  }

  #forgetFar(near: number): void {
    const { kept } = this.#options;
    if (this.#held.size <= kept) return;
    for (const page of this.#held.keys()) if (Math.abs(page - near) > kept / 3) this.#held.delete(page);
  }
}
