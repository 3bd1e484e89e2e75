/** The files and hosts that an imported job names. They are used when the job continues. */
export type NamedPlaces = { readonly files: readonly string[]; readonly hosts: readonly string[] };

/** Collects the files and hosts in the texts of JSON values: its workflow file, paths, and hosts of URLs. */
export const namedPlaces = (file: string | undefined, texts: Iterable<string>): NamedPlaces => {
  const files = new Set<string>(file === undefined ? [] : [file]);
  const hosts = new Set<string>();
  const visit = (text: string): void => {
    for (const [, host] of text.matchAll(URL_HOST)) if (hosts.size < MAX_NAMED) hosts.add(host as string);
    if (PATH.test(text) && files.size < MAX_NAMED) files.add(text);
  };
  for (const json of texts) {
    // Visits each text of a value, and the names in mappings.
    JSON.parse(json, (key, value: unknown) => {
      visit(key);
      if (typeof value === 'string') visit(value);
      return undefined;
    });
  }
  return { files: [...files], hosts: [...hosts] };
};

/** Maximum number of files, and of hosts, that are collected. */
const MAX_NAMED = 50;

/** The host of a URL, without user, password and path. */
const URL_HOST = /[a-z][a-z0-9+.-]{0,30}:\/\/(?:[^\s/@]{0,200}@)?([^\s/@?#"'<>]{1,253})/gi;

/** A text that is nothing but a path. */
const PATH = /^(?:\/|~\/|\.{1,2}\/|file:|[a-z]:[\\/]|\\\\)[^\r\n]{1,4096}$/i;

/** Names the places in words: `the file /flows/x.yaml and the host api.example.com`; empty if there are none. */
export const placesText = ({ files, hosts }: NamedPlaces): string =>
  [listText('file', files), listText('host', hosts)].filter((text) => text !== '').join(' and ');

const listText = (what: string, names: readonly string[]): string => {
  if (names.length === 0) return '';
  const more = names.length < MAX_NAMED ? '' : ', …';
  return `the ${what}${names.length === 1 ? '' : 's'} ${names.join(', ')}${more}`;
};
