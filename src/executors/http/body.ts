import { noRetry } from '../errors.ts';
import { isTooDeep, MAX_JSON_DEPTH, parseExactJson } from '../exact-json.ts';
import type { Mask } from '../mask/mask.ts';
import { sizeInWords } from '../size-in-words.ts';
import { HttpBodyError, shortened } from './error.ts';

/** The default for the largest body of a response, in bytes after decompression. */
export const MAX_BODY_BYTES = 10 * 2 ** 20;

/**
 * Reads a body into `parts` until `parts` exceed `most` bytes; then cancels the rest, which closes the connection.
 * Resolves to whether the whole body was read. Rejects with the stream's error or the signal's reason.
 */
export const readInto = async (
  parts: Uint8Array[],
  body: Response['body'],
  most: number,
  signal: AbortSignal,
): Promise<boolean> => {
  signal.throwIfAborted();
  if (body === null) return true;
  const reader = body.getReader();
  // fetch stops listening to its signal once the response object can be garbage-collected.
  const stop = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (let size = 0; size <= most; ) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return true;
      parts.push(value);
      size += value.length;
    }
    stop();
    return false;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
};

/** Always throws; `what` names the request. @throws NonRetryableError with a HttpBodyError as its cause */
export const tooLarge = (what: string, maxBytes: number): never => {
  throw noRetry(
    new HttpBodyError(
      `${what} answered with a body larger than ${sizeInWords(maxBytes)}. ` +
        'Ask for less, page through it, or download it to a file in a bash task, and put out its path; or raise max_output_bytes.',
    ),
  );
};

/**
 * Parses a body as JSON if its content-type says so, else decodes it as text by its charset (default UTF-8). Returns
 * `null` if the body is empty. `what` names the request.
 * @throws HttpBodyError if the content-type is JSON, but the body is not, or is nested too deeply
 */
export const parseBody = (bytes: Buffer, contentType: string | null, what: string, mask: Mask): unknown => {
  if (bytes.length === 0) return null;
  const text = decoded(bytes, contentType);
  if (!isJson(contentType)) return text;
  if (text.trim() === '') return null;
  if (isTooDeep(text)) {
    throw noRetry(
      new HttpBodyError(
        `${what} answered with JSON that nests lists or mappings more than ${MAX_JSON_DEPTH} deep. Ask for less, or download it to a file in a bash task, and put out its path.`,
      ),
    );
  }
  try {
    return parseExactJson(text);
  } catch {
    throw new HttpBodyError(notJson(mask.text(text), what, contentType));
  }
};

/** Describes invalid JSON. `text` must be masked: the message and the excerpt could show a part of a secret. */
const notJson = (text: string, what: string, contentType: string | null): string => {
  let reason = 'it holds what JSON does not allow';
  try {
    JSON.parse(text);
  } catch (error) {
    reason = (error as Error).message;
  }
  const start = JSON.stringify(shortened(text, 60));
  return `${what} answered with the content-type ${contentType}, but a body that is no JSON: ${reason}. It begins with ${start}.`;
};

/** Decodes bytes by a content-type's charset, else as UTF-8. Invalid bytes become U+FFFD. */
export const decoded = (bytes: Buffer, contentType: string | null): string => {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
};

const isJson = (contentType: string | null): boolean =>
  /^\s*(?:(?:application|text)\/json|[^\s;/]+\/[^\s;]+\+json)\s*(?:;|$)/i.test(contentType ?? '');
