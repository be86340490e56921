/** The other end of ZMTP: greets, is ready once its peer is, hands on what is said to it; as libzmq, it closes on what is said before. */
import type { Socket } from "node:net";
import {
  GREETING_BYTES,
  greeting,
  MessageCutter,
  ready as readyAs,
  type SocketType,
} from "../../../adapters/zmq/frames.ts";

export function speak(
  socket: Socket,
  type: SocketType,
  heard: (parts: readonly Buffer[]) => void,
): void {
  socket.write(greeting());
  let peerReady = false;
  let ready = false;
  const cutter = new MessageCutter(
    1 << 20,
    (parts) => {
      if (ready) heard(parts);
      else socket.destroy();
    },
    () => {
      peerReady = true;
    },
  );
  let head = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    if (head.length >= GREETING_BYTES) cutter.push(bytes);
    else {
      head = Buffer.concat([head, bytes]);
      if (head.length >= GREETING_BYTES) cutter.push(head.subarray(GREETING_BYTES));
    }
    if (ready || !peerReady || socket.destroyed) return;
    ready = true;
    socket.write(readyAs(type));
  });
}

export function numbered(sequence: number | bigint, payload: Buffer): Buffer[] {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(sequence));
  return [number, payload];
}
