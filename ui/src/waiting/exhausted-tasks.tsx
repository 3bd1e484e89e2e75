import { Link } from 'wouter';
import { ActionButton } from '../actions/action-button.tsx';
import { useAction } from '../actions/use-action.ts';
import { request } from '../api/request.ts';
import { usePolled } from '../api/use-polled.ts';
import type { TaskDetails } from '../inspector/task-details.ts';
import { RUNS_ELSEWHERE } from '../job/elsewhere.ts';
import { taskHref } from '../shell/links.tsx';
import { countText } from '../text/number.ts';

type PausedTask = TaskDetails & { readonly jobId: string; readonly jobName: string; readonly isElsewhere: boolean };

type Row = {
  readonly id: string;
  readonly name: string;
  readonly elsewhere?: object;
  readonly tasks?: { readonly paused?: number };
};

const MOST_JOBS = 20;

const pausedTasks = async (signal: AbortSignal): Promise<readonly PausedTask[]> => {
  const { items: jobs } = await request<{ items: readonly Row[] }>('/jobs', {
    query: { state: ['running', 'paused'], from: 0, size: 200, tasks: true },
    signal,
  });
  const holding = jobs.filter(({ tasks }) => tasks === undefined || (tasks.paused ?? 0) > 0).slice(0, MOST_JOBS);
  const lists = await Promise.all(
    holding.map(async ({ id, name, elsewhere }) => {
      const { items } = await request<{ items: readonly TaskDetails[] }>(`/jobs/${encodeURIComponent(id)}/tasks`, {
        query: { state: 'paused', limit: 100 },
        signal,
      });
      return items.map((task) => ({ ...task, jobId: id, jobName: name, isElsewhere: elsewhere !== undefined }));
    }),
  );
  return lists.flat();
};

/** Tasks that are paused: after their last retry they wait for a person. */
export const ExhaustedTasks = () => {
  const { value, reload } = usePolled('paused', pausedTasks, 5000);
  if (value === undefined || value.length === 0) return null;
  return (
    <section className="group">
      <h2>
        Paused <span className="dim small">{countText(value.length, 'task')}</span>
      </h2>
      <ul>
        {value.map((task) => (
          <Task key={`${task.jobId} ${task.path}`} task={task} onDone={reload} />
        ))}
      </ul>
    </section>
  );
};

const Task = ({ task, onDone }: { readonly task: PausedTask; readonly onDone: () => void }) => {
  const resume = useAction(async () => {
    await request(`/jobs/${encodeURIComponent(task.jobId)}/resume`, { method: 'POST', body: { task: task.path } });
    onDone();
  });
  return (
    <li className="entry">
      <div className="entry-line">
        <Link href={taskHref(task.jobId, task.path)} className="cut">
          {task.jobName} / {task.path}
        </Link>
        <span className="bad cut">{task.error?.message ?? task.reason}</span>
        <ActionButton
          action={resume}
          label={task.error === undefined ? 'Resume' : 'Try again'}
          refusal={task.isElsewhere ? RUNS_ELSEWHERE : undefined}
        />
      </div>
    </li>
  );
};
