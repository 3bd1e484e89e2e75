import type { Mask } from '../mask/mask.ts';
import { noRetry } from '../no-retry.ts';
import { HttpBodyError, shortened } from './error.ts';

/** The largest body of an answer, in bytes, after it was decompressed. */
export const MAX_BODY_BYTES = 10 * 2 ** 20;

/**
 * Reads a body as it comes into a list of its parts, until they are more than so many bytes: then the rest is never asked
 * for, and the connection is closed. Resolves to whether they are all. Rejects as the stream does, or with the reason of
 * the signal; what came till then is in the list.
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
  // fetch forgets its signal once the response may be garbage.
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

/** @throws NonRetryableError with a HttpBodyError as its cause */
export const tooLarge = (what: string): never => {
  throw noRetry(
    new HttpBodyError(
      `${what} answered with a body larger than ${MAX_BODY_BYTES / 2 ** 20} MiB. ` +
        'Ask for less, page through it, or download it to a file in a bash task, and put out its path.',
    ),
  );
};

/**
 * A body as data: parsed where its content-type says JSON, else text by its charset, by default UTF-8; `null` where
 * there is none. `what` names the request.
 *
 * @throws HttpBodyError of a body that is no JSON
 */
export const parseBody = (bytes: Buffer, contentType: string | null, what: string, mask: Mask): unknown => {
  if (bytes.length === 0) return null;
  const text = decoded(bytes, contentType);
  if (!isJson(contentType)) return text;
  if (text.trim() === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpBodyError(notJson(mask.text(text), what, contentType));
  }
};

/** Says it of the masked text, for what is cut off a secret is no longer known as one. */
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

/** Bytes as text, by the charset of a content-type, UTF-8 where it is unknown. What is not valid in it becomes U+FFFD. */
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
