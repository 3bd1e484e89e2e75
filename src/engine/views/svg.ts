import { TintypeError } from '../errors/errors.ts';

/** An optional package is not there. `cause` says how loading it failed. */
export class MissingPeerError extends TintypeError {
  override readonly name = 'MissingPeerError';
  readonly code = 'MISSING_PEER';
  /** The package to install. */
  readonly peer: string;

  constructor(peer: string, wantedBy: string, cause: unknown) {
    super(`${wantedBy} needs the package ${peer}, which could not be loaded. Install it: npm install ${peer}`, {
      cause,
    });
    this.peer = peer;
  }
}

/**
 * DOT, or the DOT of a job or definition, laid out by Graphviz as an SVG document.
 *
 * @throws MissingPeerError without `@viz-js/viz`; an Error of Graphviz for what is not DOT.
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
