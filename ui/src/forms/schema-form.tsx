import { useId } from 'react';

/** What the forms understand of JSON Schema; whatever else stands in it is checked by the server alone. */
export type JsonSchema = {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly writeOnly?: boolean;
};

/** The texts of the fields as they were typed, by the names of the properties; '' is left out. */
export type FormTexts = Readonly<Record<string, string>>;

export type SchemaFormProps = {
  readonly schema: JsonSchema;
  readonly texts: FormTexts;
  readonly onChange: (texts: FormTexts) => void;
  /** What was refused, by the name of the property. */
  readonly problems?: Readonly<Record<string, string>>;
};

/** The one type that a value has, or null; of several, undefined. */
const typeOf = ({ type }: JsonSchema): string | undefined => {
  const types = typeof type === 'string' ? [type] : (type ?? []).filter((one) => one !== 'null');
  return types.length === 1 ? types[0] : undefined;
};

/** A property may have the name of something that all objects have. */
const own = (texts: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(texts, name) ? texts[name] : undefined;

/** Whether there is a field for each part; else the whole value is given as JSON. */
export const hasFields = (schema: JsonSchema | undefined): schema is JsonSchema =>
  schema !== undefined && typeOf(schema) === 'object' && Object.keys(schema.properties ?? {}).length > 0;

/** The fields of an object. */
export const SchemaForm = ({ schema, texts, onChange, problems = {} }: SchemaFormProps) => (
  <>
    {Object.entries(schema.properties ?? {}).map(([name, property]) => (
      <Field
        key={name}
        name={name}
        schema={property}
        isRequired={schema.required?.includes(name) === true && property.default === undefined}
        text={own(texts, name) ?? ''}
        problem={own(problems, name)}
        onChange={(text) => onChange({ ...texts, [name]: text })}
      />
    ))}
  </>
);

type FieldProps = {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
  readonly text: string;
  readonly problem: string | undefined;
  readonly onChange: (text: string) => void;
};

const Field = ({ name, schema, isRequired, text, problem, onChange }: FieldProps) => {
  const id = useId();
  const description = [
    schema.description,
    schema.default === undefined ? undefined : `Default: ${plain(schema.default)}`,
  ]
    .filter((one) => one !== undefined)
    .join('. ');
  const common = {
    id,
    required: isRequired,
    'aria-invalid': problem !== undefined,
    'aria-describedby': `${id}-help`,
  };
  return (
    <div className="field">
      <label htmlFor={id}>
        {schema.title ?? name}
        {isRequired ? <span className="dim"> (required)</span> : null}
      </label>
      <Input common={common} schema={schema} text={text} onChange={onChange} />
      <p id={`${id}-help`} className="small dim">
        {problem === undefined ? description : <span className="bad">{problem}</span>}
      </p>
    </div>
  );
};

type InputProps = {
  readonly common: { readonly id: string; readonly required: boolean };
  readonly schema: JsonSchema;
  readonly text: string;
  readonly onChange: (text: string) => void;
};

const Input = ({ common, schema, text, onChange }: InputProps) => {
  const type = typeOf(schema);
  const choices = schema.enum ?? (type === 'boolean' ? [true, false] : undefined);
  if (choices !== undefined)
    return (
      <select {...common} value={text} onChange={(event) => onChange(event.target.value)}>
        <option value="">{schema.default === undefined ? '–' : `– (${plain(schema.default)})`}</option>
        {choices.map((choice) => (
          <option key={plain(choice)} value={plain(choice)}>
            {plain(choice)}
          </option>
        ))}
      </select>
    );
  if (type === 'number' || type === 'integer')
    return (
      // Of a field for numbers, browsers keep to themselves what is none.
      <input
        {...common}
        type="text"
        inputMode={type === 'integer' ? 'numeric' : 'decimal'}
        autoComplete="off"
        value={text}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  if (type === 'string')
    return (
      <input
        {...common}
        type={schema.writeOnly ? 'password' : schema.format === 'date' ? 'date' : 'text'}
        autoComplete="off"
        maxLength={schema.maxLength}
        value={text}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  return (
    <textarea
      {...common}
      className="mono"
      rows={4}
      placeholder="JSON"
      value={text}
      onChange={(event) => onChange(event.target.value)}
    />
  );
};

const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

export type ReadForm =
  | { readonly value: Readonly<Record<string, unknown>> }
  | { readonly problems: Readonly<Record<string, string>> };

/** The value that the texts stand for, or what is wrong with them. */
export const readForm = (schema: JsonSchema, texts: FormTexts): ReadForm => {
  const value = new Map<string, unknown>();
  const problems = new Map<string, string>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const text = own(texts, name) ?? '';
    if (text === '') {
      if (schema.required?.includes(name) && property.default === undefined) problems.set(name, 'This is required');
      continue;
    }
    const read = readText(property, text);
    if ('problem' in read) problems.set(name, read.problem);
    else value.set(name, read.value);
  }
  return problems.size > 0 ? { problems: Object.fromEntries(problems) } : { value: Object.fromEntries(value) };
};

type ReadText = { readonly value: unknown } | { readonly problem: string };

const readText = (schema: JsonSchema, text: string): ReadText => {
  const type = typeOf(schema);
  const choice = schema.enum?.find((one) => plain(one) === text);
  if (choice !== undefined) return { value: choice };
  if (type === 'boolean') return { value: text === 'true' };
  if (type === 'number' || type === 'integer') return readNumber(text.trim());
  if (type === 'string') return { value: text };
  return readJson(text) ?? { problem: 'This is not valid JSON' };
};

const readNumber = (text: string): ReadText => {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) return { problem: 'This is not a number' };
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    return { problem: 'This number is too large to be kept exactly' };
  return { value };
};

/** Undefined if the text is no JSON. */
export const readJson = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
};
