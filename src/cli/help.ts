import { EXIT_CODES_HELP } from './exit-code.ts';

export const PROGRAM_HELP = `
Examples:
  tintype init                     write an example, workflow.yaml
  tintype run workflow.yaml -w 8   run it, 8 tasks at once
  tintype validate workflow.yaml   check it, and run nothing
  tintype graph workflow.yaml      draw it

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
most 10 MiB.
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
