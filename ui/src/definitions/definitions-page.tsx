import { Link } from 'wouter';
import { request } from '../api/request.ts';
import { usePolled } from '../api/use-polled.ts';
import { Page } from '../shell/page.tsx';
import { countText } from '../text/number.ts';
import { Schedules } from './schedules.tsx';

export type DefinitionSummary = {
  readonly name: string;
  readonly source: 'code' | 'file' | 'upload';
  readonly file?: string;
  readonly description?: string;
  readonly startable: boolean;
  readonly problems: readonly FileProblem[];
};

export type FileProblem = {
  readonly code: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
  readonly frame?: string;
};

/** What jobs can be started of, and when it is started by itself. */
export const DefinitionsPage = () => {
  const { value, error } = usePolled(
    'definitions',
    (signal) => request<{ items: readonly DefinitionSummary[] }>('/definitions', { query: { limit: 500 }, signal }),
    5000,
  );
  return (
    <Page title="Definitions" error={error} isLoading={value === undefined}>
      <ul className="cards">
        {value?.items.map((definition) => (
          <li key={definition.name} className="card">
            <h2>
              <Link href={`/definitions/${encodeURIComponent(definition.name)}`}>{definition.name}</Link>
            </h2>
            <p className="dim">{definition.file ?? `from ${definition.source}`}</p>
            {definition.description === undefined ? null : <p>{definition.description}</p>}
            {definition.problems.length === 0 ? null : (
              <p className="bad">
                {countText(definition.problems.length, 'problem')}
                {definition.startable ? '; its last good form can be started' : ''}
              </p>
            )}
          </li>
        ))}
      </ul>
      {value?.items.length === 0 ? (
        <div className="empty">
          <p>This server knows no definition. It reads a folder of workflow files with:</p>
          <pre>tintype serve --workflows DIR</pre>
        </div>
      ) : null}
      <Schedules />
    </Page>
  );
};
