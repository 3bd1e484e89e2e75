import { useState } from 'react';
import { request } from '../api/request.ts';
import { useLoad } from '../api/use-load.ts';
import { jobRoute } from '../job/follow-job.ts';
import type { JobModel } from '../job/job-model.ts';
import { cutText } from '../text/cut.ts';
import type { TaskDetails } from './task-details.ts';

const MOST_LETTERS = 20_000;

/** What a task put out; fetched when it is asked for, since it may be large. */
export const TaskOutput = ({ model, path }: { readonly model: JobModel; readonly path: string }) => {
  const [isOpen, setOpen] = useState(false);
  const { value, error } = useLoad(isOpen ? `output ${path}` : undefined, async (signal) => {
    const { items } = await request<{ items: readonly TaskDetails[] }>(`${jobRoute(model.id)}/tasks`, {
      query: { under: path, limit: 1, outputs: true },
      signal,
    });
    return { text: JSON.stringify(items[0]?.output, undefined, 2) ?? '' };
  });
  return (
    <section>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Output</summary>
        {error === undefined ? null : <p className="bad">{error.message}</p>}
        {value === undefined ? null : <pre className="output">{value.text === '' ? 'nothing' : cut(value.text)}</pre>}
      </details>
    </section>
  );
};

const cut = (text: string): string =>
  text.length > MOST_LETTERS ? `${cutText(text, MOST_LETTERS)}\n… ${text.length - MOST_LETTERS} letters more` : text;
