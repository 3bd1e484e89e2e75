import { EXIT_CODES_HELP } from './terminal/exit-code.ts';

export const PROGRAM_HELP = `
Examples:
  tintype init                     write an example, workflow.yaml
  tintype run workflow.yaml -w 8   run it, 8 tasks at once
  tintype validate workflow.yaml   check it, and run nothing
  tintype graph workflow.yaml      draw it
  tintype jobs                     list the jobs that were kept
  tintype resume last              go on with one whose process died

${EXIT_CODES_HELP}`;

export const RUN_HELP = `
Examples:
  tintype run pipeline.yaml -w 8
  tintype run pipeline.yaml --param day=2024-05-01 --verbose
  tintype run pipeline.yaml --only report+ --dry-run
  tintype run pipeline.yaml --json --events events.ndjson > result.json

  # pipeline.yaml
  name: example_pipeline
  tasks:
    - name: extract
      type: bash              # or python, node, http, sql, sensor, job, external
      command: "echo 'Extracting data...'; sleep 2"
      max_retries: 3          # tries after the first; default 0
      timeout: 30s            # of each try; ms, s, m, h or d; default none
    - name: transform
      type: python
      command: |
        print("transforming")
      dependencies: ["extract"]
      continue_on_failure: true  # what depends on it runs all the same

Commands run in the directory of the file; bash commands with -eo pipefail. A
command ends together with what it started. Ctrl-C cancels (SIGTERM, and SIGKILL
after --grace), a second one kills at once. On a terminal what tasks print is
shown with --verbose, and the last lines of those that fail always; elsewhere
all of it, line by line. A line is cut at 8,192 characters; an output holds at
most 10 MiB. The job is kept in .tintype/jobs.db, params and outputs as they
are, secrets masked: killed, it goes on with the command that it printed.
`;

export const VALIDATE_HELP = `
Examples:
  tintype validate pipeline.yaml
  tintype validate pipeline.yaml --json

All problems are told at once. The exit code is 0, or 2 if there are any.
`;

export const GRAPH_HELP = `
Examples:
  tintype graph pipeline.yaml
  tintype graph pipeline.yaml --format mermaid
  tintype graph pipeline.yaml --format svg -o pipeline.svg

svg needs the package @viz-js/viz beside tintype.
`;

export const INIT_HELP = `
Example:
  tintype init && tintype run workflow.yaml
`;

export const SCHEMA_HELP = `
Example:
  tintype schema > tintype.schema.json

and, as the first line of a workflow file:
  # yaml-language-server: $schema=./tintype.schema.json
`;

export const COMPLETION_HELP = `
Examples:
  source <(tintype completion bash)         # in ~/.bashrc
  source <(tintype completion zsh)          # in ~/.zshrc, after compinit
  tintype completion fish | source          # in ~/.config/fish/config.fish
`;

const JOB_NAMES = `A JOB is named by its id, by the beginning of it, or as "last" for the newest.`;

const INTERRUPTED = `A job is "interrupted" if it is not over and its process is gone: tintype resume JOB
goes on with it.`;

export const JOBS_HELP = `
Examples:
  tintype jobs
  tintype jobs --state failed,interrupted --since 7d
  tintype jobs --name nightly --limit 1 --json

${INTERRUPTED} TASKS counts those that completed.
`;

export const SHOW_HELP = `
Examples:
  tintype show last
  tintype show 3f2a --graph
  tintype show 3f2a --json

${JOB_NAMES}
${INTERRUPTED}
`;

export const LOGS_HELP = `
Examples:
  tintype logs last
  tintype logs last load
  tintype logs last --follow
  tintype logs 3f2a --json > events.ndjson

${JOB_NAMES}
A task stands for all that is within it as well: outer/inner, name[3].
`;

const AS_RUN = `Exit codes are those of tintype run.`;

export const RESUME_HELP = `
Examples:
  tintype resume last
  tintype resume 3f2a -w 8 --json > result.json

${JOB_NAMES}
Tasks that completed are not run again; what ran when the process died is. A job
that is over is left alone: the exit code tells how it ended. What is not said
here is as it was when the job was started; --events holds what happens from now
on. ${AS_RUN}
`;

export const RETRY_HELP = `
Examples:
  tintype retry last --dry-run
  tintype retry 3f2a
  tintype retry 3f2a --task load,check --no-downstream

${JOB_NAMES}
The job goes on under its id, with all its retries anew. ${AS_RUN}
`;

export const RERUN_HELP = `
Examples:
  tintype rerun last --from transform --dry-run
  tintype rerun 3f2a --from transform

${JOB_NAMES}
The new job takes over the results of all other tasks but those that depend on
these. ${AS_RUN}
`;

export const CANCEL_HELP = `
Examples:
  tintype cancel last
  tintype cancel 3f2a --drain --reason 'wrong day'

${JOB_NAMES}
Handlers still run; of a job whose process died here, which is waited for in any
case. The exit code is 0 once it is over, however that was.
`;

export const COMPLETE_HELP = `
Examples:
  tintype complete last approve
  tintype complete 3f2a approve --output '{"by": "me"}'
  tintype complete 3f2a approve --fail 'too expensive'

${JOB_NAMES}
The exit code is 0, or 1 if the process that runs the job does not take it.
`;

export const PRUNE_HELP = `
Examples:
  tintype prune --older-than 30d --dry-run
  tintype prune --older-than 7d --state completed

A job that is not over is never removed.
`;

export const EXPORT_HELP = `
Examples:
  tintype export last -o job.ndjson
  tintype export last | ssh elsewhere tintype import

${JOB_NAMES}
`;

export const IMPORT_HELP = `
Examples:
  tintype import job.ndjson
  tintype import --db copy.db < job.ndjson

A job is taken in whole or not at all. One that was not over can be resumed here.
`;

export const DB_HELP = `
Examples:
  tintype db check
  tintype db backup jobs-copy.db
`;

export const DB_CHECK_HELP = `
Example:
  tintype db check --db .tintype/jobs.db

The exit code is 0, 1 if anything is damaged, or 2 if it is no such database.
`;

export const DB_BACKUP_HELP = `
Example:
  tintype db backup jobs-copy.db
`;
