import { useState } from 'react';
import { useLocation } from 'wouter';
import { ActionButton } from '../actions/action-button.tsx';
import { useAction } from '../actions/use-action.ts';
import { request } from '../api/request.ts';
import { type FormTexts, hasFields, type JsonSchema, readForm, readJson, SchemaForm } from '../forms/schema-form.tsx';
import { jobHref } from '../shell/links.tsx';

export type StartFormProps = {
  readonly definition: string;
  /** Of a workflow file: what its params are. */
  readonly params: JsonSchema | undefined;
  /** Why it can't be started; undefined if it can. */
  readonly refusal: string | undefined;
};

/** Starts a job with input: fields for the params of a workflow file, else JSON. */
export const StartForm = ({ definition, params, refusal }: StartFormProps) => {
  const [, navigate] = useLocation();
  const [texts, setTexts] = useState<FormTexts>({});
  const [json, setJson] = useState('');
  const [problems, setProblems] = useState<Readonly<Record<string, string>>>({});
  const start = useAction(async (key) => {
    const read = hasFields(params) ? readForm(params, texts) : json.trim() === '' ? undefined : readJson(json);
    if (read !== undefined && 'problems' in read) {
      setProblems(read.problems);
      throw new Error('Some fields are not as they have to be.');
    }
    if (json.trim() !== '' && read === undefined) throw new Error('The input is not valid JSON.');
    setProblems({});
    const input = read === undefined ? {} : { input: hasFields(params) ? { params: read.value } : read.value };
    const { id } = await request<{ id: string }>('/jobs', {
      method: 'POST',
      body: { definition, ...input },
      idempotencyKey: key,
    });
    navigate(jobHref(id));
  });
  return (
    <section className="group start">
      <h2>Start a job</h2>
      {refusal !== undefined ? null : hasFields(params) ? (
        <SchemaForm
          schema={params}
          texts={texts}
          onChange={setTexts}
          problems={problems}
          onEnter={() => void start.run()}
        />
      ) : params === undefined ? (
        <label className="field">
          Input
          <textarea
            className="mono"
            rows={4}
            placeholder="JSON, or nothing"
            value={json}
            onChange={(event) => setJson(event.target.value)}
          />
        </label>
      ) : (
        <p className="dim">It has no params.</p>
      )}
      <div className="commands">
        <ActionButton action={start} label="Start" isPrimary refusal={refusal} />
      </div>
    </section>
  );
};
