/** The file that `tintype init` writes: a workflow that runs as it is and shows the main features. */
export const EXAMPLE_WORKFLOW = `# yaml-language-server: $schema=./tintype.schema.json
# A workflow for tintype. Run it: tintype run workflow.yaml
# The first line is for editors, which complete keys and tell what each means.

name: example

# What a run can be given: tintype run workflow.yaml --param greeting=Hi
params:
  greeting: Hello # a value is the default; its type is the param's
  people:
    type: list
    default: [Ada, Grace]
    description: whom to greet

# Variables that hold secrets; they are masked wherever they would be shown.
# secrets: [API_TOKEN]

# What tasks do without saying.
defaults:
  timeout: 1m # of each try
  retry: { backoff: exponential, delay: 1s, jitter: true }

tasks:
  # Its standard output is its output: ctx.count for the tasks after it.
  - name: count
    type: bash
    command: printf '%s\\n' "$PEOPLE" | tr ',' '\\n' | wc -l
    env:
      PEOPLE: \${{ params.people.join(",") }}
    output: json

  # Once for each person, two at a time. Data goes through the environment, never into the command.
  - name: greet
    type: bash
    map: { over: params.people, concurrency: 2 }
    env:
      TEXT: \${{ params.greeting }}, \${{ item }}!
    command: echo "$TEXT"
    output: text
    max_retries: 2 # tries after the first

  # Python and Node.js read the context from a file, and write their output to another.
  - name: report
    type: python
    dependencies: [count, greet]
    command: |
      import json, os
      ctx = json.load(open(os.environ["TINTYPE_CONTEXT"]))
      print(f"{ctx['count']} people were greeted:", *ctx["greet"])
      json.dump({"report": len(ctx["greet"])}, open(os.environ["TINTYPE_OUTPUT"], "w"))

  # Skipped unless the expression is true (CEL: https://cel.dev).
  - name: celebrate
    type: bash
    dependencies: [report]
    when: ctx.report > 1
    command: echo "More than one!"

# Run when all else is over, also when it failed.
handlers:
  failure:
    - name: tell
      type: bash
      command: echo "The job is $TINTYPE_JOB_STATE:" "$TINTYPE_JOB_ERROR"
  always:
    - name: bye
      type: bash
      command: echo "Done."
`;
