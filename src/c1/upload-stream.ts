import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Upload } from "../baton/c1-client.ts";
import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import {
  type BatonServiceUploadAssetRequest,
  BatonServiceUploadAssetRequestSchema,
  type BatonServiceUploadAssetResponseSchema,
} from "../wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import type { OpenStream } from "./rpc.ts";

type UploadStream = OpenStream<
  typeof BatonServiceUploadAssetRequestSchema,
  typeof BatonServiceUploadAssetResponseSchema
>;

export interface SendFileOptions {
  readonly stream: UploadStream;
  readonly hostId: string;
  readonly taskId: string;
  readonly upload: Upload;
  readonly clock: Clock;
  /** The upload is given up when nothing moved for so long. */
  readonly progressTimeoutMs: number;
  /** Told after each chunk that the connection has taken. */
  readonly onBytes: ((bytes: number) => void) | undefined;
}

/** How an upload failed, beyond its code: what decides whether to send the file once more. */
export class UploadError extends StatusError {
  /**
   * `local`: the file itself is at fault. `complete`: C1 had the whole file and has judged its content. `partial`: C1 or
   * the connection failed before that.
   */
  readonly stage: "local" | "partial" | "complete";

  constructor(stage: UploadError["stage"], error: StatusError) {
    super(error.code, error.message, { cause: error.cause, retryable: error.retryable });
    this.stage = stage;
  }
}

/** Size of a data message; the last one may be shorter. C1 takes up to 1 MiB. */
const chunkBytes = 512 * 1024;

/**
 * Sends metadata, the file in chunks and its checksum, then waits for C1's answer; one chunk is in memory at a time,
 * because the next is read when the connection has taken the one before. What is sent is hashed on the way, and the
 * closing message is withheld when the file is not the one that was announced. Rejects with an UploadError, or with the
 * signal's reason on abort, which cancels the call.
 */
export async function sendFile(options: SendFileOptions, signal: AbortSignal): Promise<void> {
  const { stream } = options;
  const over = new AbortController();
  const progress = { lastMs: options.clock.monotonicMs(), complete: false };
  const interrupted = interruption(options, progress, AbortSignal.any([signal, over.signal]));
  try {
    await using file = await openFile(options.upload.path);
    await sendMessages(options, file, progress, interrupted);
    await Promise.race([stream.outcome, interrupted]);
  } catch (reason) {
    // Whatever happened here, C1 must not take the file as complete.
    stream.call.cancel();
    if (signal.aborted) throw StatusError.from(signal.reason);
    if (reason instanceof UploadError) throw reason;
    throw new UploadError(progress.complete ? "complete" : "partial", StatusError.from(reason));
  } finally {
    over.abort();
  }
}

interface Progress {
  lastMs: number;
  complete: boolean;
}

async function sendMessages(
  options: SendFileOptions,
  file: FileHandle,
  progress: Progress,
  interrupted: Promise<void>,
): Promise<void> {
  const { hostId, taskId, upload, clock, stream } = options;
  const send = async (msg: UploadMessage): Promise<void> => {
    await Promise.race([written(stream, msg), interrupted]);
    progress.lastMs = clock.monotonicMs();
  };
  await send({ case: "metadata", value: { hostId, taskId } });
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, upload.bytes));
  for (let sent = 0; sent < upload.bytes; ) {
    const data = buffer.subarray(0, Math.min(chunkBytes, upload.bytes - sent));
    await fill(file, data, sent);
    hash.update(data);
    await send({ case: "data", value: { data } });
    sent += data.length;
    options.onBytes?.(data.length);
  }
  const sha256Checksum = hash.digest();
  if (!sha256Checksum.equals(upload.sha256)) throw fileChanged("its checksum is another one");
  progress.complete = true;
  await send({ case: "eof", value: { sha256Checksum } });
  stream.call.end();
}

type UploadMessage = Exclude<MessageInitShape<typeof BatonServiceUploadAssetRequestSchema>["msg"], undefined>;

/** Resolves when the connection has taken the message. How a broken call ended is for `interruption` to tell. */
function written({ call }: UploadStream, msg: UploadMessage): Promise<void> {
  const message: BatonServiceUploadAssetRequest = create(BatonServiceUploadAssetRequestSchema, { msg });
  return new Promise((resolve) => {
    call.write(message, () => resolve());
  });
}

/**
 * Settles when the call has ended from the other side, and rejects as soon as it makes no sense to go on: the server's own
 * status, an OK that came too early, no progress for too long, or (through the sleep) the signal's reason.
 */
function interruption(options: SendFileOptions, progress: Progress, signal: AbortSignal): Promise<void> {
  const interrupted = Promise.race([ended(options.stream, progress), stalled(options, progress, signal)]);
  interrupted.catch(() => undefined);
  return interrupted;
}

async function ended({ outcome }: UploadStream, progress: Progress): Promise<void> {
  await outcome;
  if (progress.complete) return;
  throw new StatusError("internal", "C1 closed the upload as done before the whole file was sent");
}

async function stalled(options: SendFileOptions, progress: Progress, signal: AbortSignal): Promise<never> {
  const { clock, progressTimeoutMs } = options;
  for (;;) {
    const leftMs = progress.lastMs + progressTimeoutMs - clock.monotonicMs();
    if (leftMs <= 0) {
      const seconds = Math.round(progressTimeoutMs / 1000);
      throw new StatusError(
        "deadline_exceeded",
        `the upload has not moved for ${seconds} s: check the network between here and C1`,
      );
    }
    await clock.sleep(leftMs, signal);
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (reason) {
    throw unreadable(reason);
  }
}

/** Fills the buffer from `position` on, in as many reads as it takes. */
async function fill(file: FileHandle, buffer: Buffer, position: number): Promise<void> {
  for (let filled = 0; filled < buffer.length; ) {
    const { bytesRead } = await read(file, buffer.subarray(filled), position + filled);
    if (bytesRead === 0) throw fileChanged("it is shorter");
    filled += bytesRead;
  }
}

async function read(file: FileHandle, buffer: Buffer, position: number): Promise<{ readonly bytesRead: number }> {
  try {
    return await file.read(buffer, 0, buffer.length, position);
  } catch (reason) {
    throw unreadable(reason);
  }
}

function fileChanged(how: string): UploadError {
  const message = `the file to upload has changed since it was finished (${how}): check what else writes to the temporary directory`;
  return new UploadError("local", new StatusError("data_loss", message));
}

function unreadable(reason: unknown): UploadError {
  const code = reason instanceof Error && "code" in reason ? ` (${String(reason.code)})` : "";
  const message = `the file to upload cannot be read${code}: check the temporary directory`;
  return new UploadError("local", new StatusError("internal", message, { cause: reason }));
}
