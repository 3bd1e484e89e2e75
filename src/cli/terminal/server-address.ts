/** The server that `--server` names: where it is, and the token, if one was given. */
export type ServerAddress = { readonly url: string; readonly token?: string | undefined };
