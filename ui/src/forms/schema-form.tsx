import { type KeyboardEvent, useId } from 'react';

/** What the forms understand of JSON Schema; whatever else stands in it is checked by the server alone. */
export type JsonSchema = {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly writeOnly?: boolean;
};

/** What no text stands for: null, and the empty text. */
type Special = { readonly value: null | '' };

/** The texts of the fields as they were typed, by the names of the properties; '' is left out. */
export type FormTexts = Readonly<Record<string, string | Special>>;

export type SchemaFormProps = {
  readonly schema: JsonSchema;
  readonly texts: FormTexts;
  readonly onChange: (texts: FormTexts) => void;
  /** Called when Enter is pressed in a field of one line. */
  readonly onEnter: () => void;
  /** What was refused, by the name of the property. */
  readonly problems?: Readonly<Record<string, string>>;
};

/** The one type that a value has, or null; of several, undefined. */
const typeOf = ({ type }: JsonSchema): string | undefined => {
  const types = typeof type === 'string' ? [type] : (type ?? []).filter((one) => one !== 'null');
  return types.length === 1 ? types[0] : undefined;
};

/** A property may have the name of something that all objects have. */
const own = <Value,>(texts: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(texts, name) ? texts[name] : undefined;

/** What a field offers beside what is typed: null where that is allowed, the empty text where leaving it out means something else. */
const specialsOf = (schema: JsonSchema, isRequired: boolean): readonly Special['value'][] => {
  const type = typeOf(schema);
  if (type === undefined || schema.enum !== undefined) return [];
  const specials: Special['value'][] = Array.isArray(schema.type) && schema.type.includes('null') ? [null] : [];
  const mayBeEmpty = type === 'string' && schema.format === undefined && !((schema.minLength ?? 0) > 0);
  return mayBeEmpty && (isRequired || schema.default !== undefined) ? [...specials, ''] : specials;
};

const SPECIAL_WORDS = { null: 'null', '': 'an empty text' } as const;

/** Whether there is a field for each part; else the whole value is given as JSON. */
export const hasFields = (schema: JsonSchema | undefined): schema is JsonSchema =>
  schema !== undefined && typeOf(schema) === 'object' && Object.keys(schema.properties ?? {}).length > 0;

/** The fields of an object. */
export const SchemaForm = ({ schema, texts, onChange, onEnter, problems = {} }: SchemaFormProps) => (
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
        onEnter={onEnter}
      />
    ))}
  </>
);

type FieldProps = {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
  readonly text: string | Special;
  readonly problem: string | undefined;
  readonly onChange: (text: string | Special) => void;
  readonly onEnter: () => void;
};

const Field = ({ name, schema, isRequired, text, problem, onChange, onEnter }: FieldProps) => {
  const id = useId();
  const description = [
    schema.description,
    schema.default === undefined ? undefined : `Default: ${plain(schema.default)}`,
  ]
    .filter((one) => one !== undefined)
    .join('. ');
  const special = typeof text === 'string' ? undefined : text.value;
  const common = {
    id,
    required: isRequired,
    disabled: special !== undefined,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === 'Enter' && !event.repeat && event.target instanceof HTMLInputElement) onEnter();
    },
    'aria-invalid': problem !== undefined,
    'aria-describedby': `${id}-help`,
  };
  return (
    <div className="field">
      <label htmlFor={id}>
        {schema.title ?? name}
        {isRequired ? <span className="dim"> (required)</span> : null}
      </label>
      <Input common={common} schema={schema} text={typeof text === 'string' ? text : ''} onChange={onChange} />
      {specialsOf(schema, isRequired).map((value) => (
        <label key={String(value)} className="choice small dim">
          <input
            type="checkbox"
            checked={special === value}
            onChange={() => onChange(special === value ? '' : { value })}
          />
          {SPECIAL_WORDS[`${value}`]}
        </label>
      ))}
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
    if (typeof text !== 'string') {
      value.set(name, text.value);
      continue;
    }
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
