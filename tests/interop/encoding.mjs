// The formats of docs/protocol.md, written again from that text alone: nothing here comes from the
// Rust code.

import { createHash, createPrivateKey, createPublicKey, hkdfSync, sign, verify } from "node:crypto";

const text = (value) => Buffer.from(value, "utf8");
export const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
export const bytes = (value) => Buffer.from(value, "base64url");
export const sha256 = (value) => createHash("sha256").update(value).digest();
export const uuid = (value) => Buffer.from(value.replaceAll("-", ""), "hex");

export const integer = (value) => {
  const field = Buffer.alloc(8);
  field.writeBigInt64BE(BigInt(value));
  return field;
};

/** Each field behind its length; strings are UTF-8. */
export const enc = (...fields) =>
  Buffer.concat(
    fields.flatMap((field) => {
      const value = typeof field === "string" ? text(field) : Buffer.from(field);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(value.length);
      return [length, value];
    }),
  );

export const dec = (encoded) => {
  const fields = [];
  for (let at = 0; at < encoded.length; ) {
    const length = encoded.readUInt32BE(at);
    fields.push(encoded.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return fields;
};

export const hkdf = (key, info) => Buffer.from(hkdfSync("sha256", key, "", info, 32));

export const SUITE = Buffer.from("002000010002", "hex");

export const encodeHeader = (header) =>
  enc(
    "latchkey/delivery/v1",
    SUITE,
    header.origin,
    uuid(header.delivery),
    uuid(header.recipient),
    header.kind,
    header.service,
    header.environment,
    header.kid,
    bytes(header.grant_digest),
    integer(header.delivery_expiry),
    integer(header.key_expiry),
  );

export const encodeEnvelopeStatement = (header, credentialId, sealingKey, kemEnc, ciphertext) =>
  enc(
    "latchkey/envelope/v1",
    sha256(header),
    credentialId,
    sealingKey,
    kemEnc,
    sha256(ciphertext),
  );

export const encodeReceipt = (header, delivery, kid, credentialId, ciphertext, opened) =>
  enc(
    "latchkey/receipt/v1",
    uuid(delivery),
    kid,
    credentialId,
    sha256(header),
    sha256(ciphertext),
    opened,
  );

export const encodeAct = (statement) =>
  enc(
    "latchkey/act/v1",
    bytes(statement.nonce),
    statement.act,
    statement.origin,
    uuid(statement.actor),
    uuid(statement.subject),
    integer(statement.stamp),
    enc(...statement.parameters.map((line) => enc(line.label, line.value))),
  );

export const pad = (secret) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(secret.length);
  const padded = Buffer.alloc(Math.ceil((secret.length + 4) / 256) * 256);
  Buffer.concat([length, secret]).copy(padded);
  return padded;
};

export const unpad = (padded) => padded.subarray(4, 4 + padded.readUInt32BE(0));

// The fixed beginnings of RFC 8410's containers for an Ed25519 seed and an Ed25519 public key.
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

export const ed25519 = (seed) => {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8, seed]),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: spki.subarray(SPKI.length),
    sign: (message) => sign(null, message, key),
  };
};

export const ed25519Verifies = (publicKey, message, signature) => {
  const key = createPublicKey({
    key: Buffer.concat([SPKI, publicKey]),
    format: "der",
    type: "spki",
  });
  return verify(null, message, key, signature);
};
