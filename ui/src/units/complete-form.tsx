import { useState } from 'react';
import { ActionButton } from '../actions/action-button.tsx';
import { useAction } from '../actions/use-action.ts';
import { request } from '../api/request.ts';
import { useLoad } from '../api/use-load.ts';
import { type FormTexts, hasFields, type JsonSchema, readForm, readJson, SchemaForm } from '../forms/schema-form.tsx';
import { useSession } from '../shell/session.tsx';
import { CLAIM_MS, claimOf, keepClaim } from './claims.ts';
import { unitIdOf } from './unit-id.ts';

export type CompleteFormProps = {
  readonly jobId: string;
  readonly path: string;
  /** State of the task. */
  readonly state: string;
  readonly onDone?: () => void;
};

type Unit = {
  readonly state: string;
  readonly owner?: string;
  readonly worker?: string;
  readonly description?: string;
  readonly data?: unknown;
  readonly outputSchema?: JsonSchema;
  readonly elsewhere?: true;
};

/** What a person does with work from outside: take it, complete it with its output, or let it fail. */
export const CompleteForm = ({ jobId, path, state, onDone }: CompleteFormProps) => {
  const id = unitIdOf(jobId, path);
  const { who, may } = useSession();
  const {
    value: unit,
    error,
    reload,
  } = useLoad(`unit ${id}`, (signal) => request<Unit>(`/units/${encodeURIComponent(id)}`, { signal }), state);
  const [texts, setTexts] = useState<FormTexts>({});
  const [json, setJson] = useState('');
  const [reason, setReason] = useState('');
  const [problems, setProblems] = useState<Readonly<Record<string, string>>>({});
  const command = async (body: object): Promise<void> => {
    // Operators may do without the claim; one that is over would be refused.
    const claim = may('operator') ? undefined : claimOf(id);
    await request(`/units/${encodeURIComponent(id)}/commands`, {
      method: 'POST',
      body: claim === undefined ? body : { ...body, token: claim },
    });
    keepClaim(id, undefined);
  };
  const done = (): void => {
    reload();
    onDone?.();
  };
  const claim = useAction(async () => {
    const { token } = await request<{ token: string }>(`/units/${encodeURIComponent(id)}/claim`, {
      method: 'POST',
      body: { worker: who.name, leaseMs: CLAIM_MS },
    });
    keepClaim(id, token);
    done();
  });
  const complete = useAction(async () => {
    const output = outputOf(unit?.outputSchema, texts, json);
    if ('problems' in output) {
      setProblems(output.problems);
      throw new Error(
        Object.entries(output.problems)
          .map(([name, problem]) => `${name}: ${problem}.`)
          .join(' '),
      );
    }
    setProblems({});
    await command({ type: 'success', ...(output.value === undefined ? {} : { output: output.value }) });
    done();
  }, state);
  const fail = useAction(async () => {
    if (reason.trim() === '') throw new Error('Say why.');
    await command({ type: 'error', message: reason, retryable: false });
    done();
  }, state);
  if (unit === undefined) return error === undefined ? null : <p className="refusal">{error.message}</p>;
  const isOpen = unit.state === 'ready' || unit.state === 'claimed';
  const refusal = isOpen ? undefined : `It is ${unit.state}: there is nothing to complete`;
  const claimFirst = may('operator') || claimOf(id) !== undefined ? undefined : 'Claim it first';
  return (
    <section className="complete">
      <h3>Complete it</h3>
      {unit.owner === undefined ? null : (
        <p className="dim">
          For {unit.owner}
          {unit.worker === undefined ? '' : `; ${unit.worker} works on it`}
        </p>
      )}
      {unit.description === undefined ? null : <p className="asked">{unit.description}</p>}
      {unit.data === undefined ? null : <pre className="output">{JSON.stringify(unit.data, undefined, 2)}</pre>}
      {hasFields(unit.outputSchema) ? (
        <SchemaForm
          schema={unit.outputSchema}
          texts={texts}
          onChange={setTexts}
          problems={problems}
          onEnter={() => (refusal ?? claimFirst) === undefined && void complete.run()}
        />
      ) : (
        <label className="field">
          Output
          <textarea
            className="mono"
            rows={3}
            placeholder="JSON, or nothing"
            value={json}
            onChange={(event) => setJson(event.target.value)}
          />
        </label>
      )}
      <div className="commands">
        <ActionButton action={complete} label="Complete" isPrimary refusal={refusal ?? claimFirst} needs="worker" />
        {unit.state === 'ready' ? (
          <ActionButton
            action={claim}
            label="Claim"
            refusal={
              unit.elsewhere ? 'Another process runs this job: it can be completed here, and not claimed' : undefined
            }
            needs="worker"
          />
        ) : null}
        <ActionButton
          action={fail}
          label="Fail"
          refusal={refusal ?? claimFirst}
          needs="worker"
          confirm="Let it fail"
          question={
            <label className="field">
              Why
              <input value={reason} onChange={(event) => setReason(event.target.value)} />
            </label>
          }
        />
      </div>
    </section>
  );
};

const outputOf = (
  schema: JsonSchema | undefined,
  texts: FormTexts,
  json: string,
): { readonly value: unknown } | { readonly problems: Readonly<Record<string, string>> } => {
  if (hasFields(schema)) return readForm(schema, texts);
  if (json.trim() === '') return { value: undefined };
  return readJson(json) ?? { problems: { output: 'The output is not valid JSON' } };
};
