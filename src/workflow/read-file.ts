import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { codeFrame } from './code-frame.ts';
import { WorkflowError, type WorkflowProblem } from './problem.ts';

/** The maximum size of a workflow file, in bytes. */
export const MAX_FILE_BYTES = 10 * 2 ** 20;

/** Reads the text of a workflow file or pipe. @throws WorkflowError if it can't be read, is too large or not UTF-8 */
export const readWorkflowFile = async (file: string): Promise<string> => {
  const bytes = await readBytes(file);
  const refuse = (problem: WorkflowProblem): WorkflowError => new WorkflowError(file, [problem]);
  if (bytes.length > MAX_FILE_BYTES) {
    const message = `The file is larger than ${MAX_FILE_BYTES / 2 ** 20} MB. Move the bulk of it out, into scripts that the commands run.`;
    throw refuse({ code: 'FILE_TOO_LARGE', message });
  }
  if (!isUtf8(bytes)) throw refuse(encodingProblem(bytes));
  return new TextDecoder().decode(bytes);
};

/** Reads the whole file, but stops soon after the maximum size: a pipe has no size that could be checked first. */
const readBytes = async (file: string): Promise<Buffer> => {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    if ((await handle.stat()).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    const chunks: Buffer[] = [];
    for (let size = 0; size <= MAX_FILE_BYTES; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, null);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw new WorkflowError(file, [accessProblem(error as NodeJS.ErrnoException)], { cause: error });
  } finally {
    await handle?.close();
  }
};

const CHUNK_BYTES = 64 * 1024;

const accessProblem = ({ code, message }: NodeJS.ErrnoException): WorkflowProblem => {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { code: 'FILE_NOT_FOUND', message: 'There is no such file. Check the path.' };
    case 'EISDIR':
      return { code: 'FILE_IS_DIRECTORY', message: 'This is a directory. Name a YAML file in it.' };
    case 'EACCES':
    case 'EPERM':
      return { code: 'FILE_UNREADABLE', message: 'The file may not be read. Change its permissions.' };
    default:
      return { code: 'FILE_UNREADABLE', message: `The file could not be read: ${message}.` };
  }
};

const encodingProblem = (bytes: Buffer): WorkflowProblem => {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (utf16) return { code: 'FILE_NOT_UTF8', message: 'The file is in UTF-16. Save it as UTF-8.' };
  let line = 1;
  let start = 0;
  let end = bytes.indexOf(0x0a);
  while (end >= 0 && isUtf8(bytes.subarray(start, end))) {
    line++;
    start = end + 1;
    end = bytes.indexOf(0x0a, start);
  }
  const text = bytes.subarray(start, end < 0 ? bytes.length : end).toString();
  const column = firstInvalid(bytes.subarray(start), text) + 1;
  const lines = bytes.toString().split('\n');
  return {
    code: 'FILE_NOT_UTF8',
    message: 'The file is not UTF-8: these bytes are no character. Save it as UTF-8.',
    line,
    column,
    frame: codeFrame(lines, line, column),
  };
};

/** Returns the index of the first replacement character that comes from an invalid byte, not from the file itself. */
const firstInvalid = (bytes: Buffer, text: string): number => {
  let offset = 0;
  let from = 0;
  for (let at = text.indexOf('\uFFFD'); at >= 0; at = text.indexOf('\uFFFD', from)) {
    offset += Buffer.byteLength(text.slice(from, at));
    if (!bytes.subarray(offset, offset + REPLACEMENT.length).equals(REPLACEMENT)) return at;
    offset += REPLACEMENT.length;
    from = at + 1;
  }
  return 0;
};

const REPLACEMENT = Buffer.from('\uFFFD');
