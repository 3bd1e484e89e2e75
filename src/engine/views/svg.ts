import { TintypeError } from '../errors/errors.ts';

/** Thrown when an optional package can't be loaded. `cause` is the error that loading it threw. */
export class MissingPeerError extends TintypeError {
  override readonly name = 'MissingPeerError';
  readonly code = 'MISSING_PEER';
  readonly peer: string;

  constructor(peer: string, wantedBy: string, cause: unknown) {
    const message = `${wantedBy} needs the package ${peer}, which could not be loaded. Install it: npm install ${peer}`;
    super(message, { cause });
    this.peer = peer;
  }
}

/**
 * Renders a job, a definition or DOT text as SVG; Graphviz does the layout.
 * @throws MissingPeerError if `@viz-js/viz` can't be loaded; Error of Graphviz for invalid DOT
 */
export const toSvg = async (source: string | { toDot(): string }): Promise<string> => {
  const { instance } = await loadViz();
  const viz = await instance();
  return viz.renderString(typeof source === 'string' ? source : source.toDot(), { format: 'svg' });
};

const loadViz = async (): Promise<typeof import('@viz-js/viz')> => {
  try {
    return await import('@viz-js/viz');
  } catch (cause) {
    throw new MissingPeerError('@viz-js/viz', 'toSvg', cause);
  }
};
