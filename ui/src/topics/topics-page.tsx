import { Link } from 'wouter';
import { request } from '../api/request.ts';
import { usePolled } from '../api/use-polled.ts';
import { Page } from '../shell/page.tsx';
import { stampText, useZone } from '../text/time.ts';

type Topic = {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly createdAt: number;
  readonly archivedAt?: number;
};

/** The topics, each with a page of its own. */
export const TopicsPage = () => {
  useZone();
  const { value, error } = usePolled(
    'topics',
    (signal) => request<{ items: readonly Topic[] }>('/topics', { query: { limit: 500 }, signal }),
    5000,
  );
  return (
    <Page title="Topics" error={error} isLoading={value === undefined}>
      <ul className="cards">
        {value?.items.map((topic) => (
          <li key={topic.name} className="card">
            <h2>
              <Link href={`/topics/${encodeURIComponent(topic.name)}`}>{topic.title ?? topic.name}</Link>
            </h2>
            <p className="dim">
              <code>{topic.name}</code> since {stampText(topic.createdAt)}
              {topic.archivedAt === undefined ? '' : ', archived'}
            </p>
            {topic.description === undefined ? null : <p>{topic.description}</p>}
          </li>
        ))}
      </ul>
      {value?.items.length === 0 ? (
        <div className="empty">
          <p>There is no topic yet. A topic groups jobs and shares definitions of units; over HTTP:</p>
          <pre>POST /api/v1/topics {'{ "name": "kitchen" }'}</pre>
        </div>
      ) : null}
    </Page>
  );
};
