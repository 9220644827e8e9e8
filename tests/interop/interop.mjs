// The other side of the protocol, on an independent HPKE implementation. Reads one JSON object from
// standard input, {"open": …} or {"seal": …}, and writes one to standard output.

import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import {
  base64url,
  bytes,
  dec,
  ed25519,
  ed25519Verifies,
  enc,
  encodeAct,
  encodeEnvelopeStatement,
  encodeHeader,
  encodeReceipt,
  hkdf,
  pad,
  sha256,
  SUITE,
  unpad,
  uuid,
} from "./encoding.mjs";

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

const utf8 = (value) => new TextEncoder().encode(value);
const INFO = utf8("latchkey/delivery/v1");
const OPENED = utf8("latchkey/opened/v1");

// The library wants plain arrays, not Node's views into a shared pool.
const plain = (value) => new Uint8Array(value);
const psk = (link, delivery) => ({ key: plain(link), id: plain(uuid(delivery)) });

async function deviceKeys(prf) {
  const opening = await suite.kem.deriveKeyPair(plain(hkdf(prf, "latchkey/v1/seal")));
  const sealingKey = Buffer.from(await suite.kem.serializePublicKey(opening.publicKey));
  return { opening, sealingKey, signing: ed25519(hkdf(prf, "latchkey/v1/sign")) };
}

async function open(input) {
  const device = await deviceKeys(bytes(input.prf));
  const link = bytes(input.link);
  const header = encodeHeader(input.header);
  const [id, credentialId, kemEnc, ciphertext, signature, ...more] = dec(bytes(input.envelope));
  if (!id.equals(SUITE) || more.length) throw new Error("not an envelope of this suite");
  const statement = encodeEnvelopeStatement(
    header,
    credentialId,
    device.sealingKey,
    kemEnc,
    ciphertext,
  );
  if (!ed25519Verifies(bytes(input.host_public), statement, signature)) {
    throw new Error("the host's signature does not fit");
  }
  const context = await suite.createRecipientContext({
    recipientKey: device.opening,
    enc: plain(kemEnc),
    info: INFO,
    psk: psk(link, input.header.delivery),
  });
  const secret = unpad(Buffer.from(await context.open(plain(ciphertext), plain(header))));
  const opened = Buffer.from(await context.export(OPENED, 32));
  const { delivery, kid, recipient } = input.header;
  const receipt = encodeReceipt(header, delivery, kid, credentialId, ciphertext, opened);
  const enrolment = enc(
    "latchkey/enrol/v1",
    uuid(recipient),
    credentialId,
    device.sealingKey,
    device.signing.publicKey,
  );
  return {
    secret: secret.toString("utf8"),
    opened: base64url(opened),
    header: base64url(header),
    receipt: base64url(device.signing.sign(receipt)),
    sealing_key: base64url(device.sealingKey),
    verifying_key: base64url(device.signing.publicKey),
    enrolment: base64url(device.signing.sign(enrolment)),
    claim_token: base64url(hkdf(link, "latchkey/v1/claim")),
    challenge: base64url(sha256(encodeAct(input.act))),
  };
}

async function seal(input) {
  const header = encodeHeader(input.header);
  const credentialId = bytes(input.credential_id);
  const sealingKey = bytes(input.sealing_key);
  const host = ed25519(bytes(input.host_seed));
  const context = await suite.createSenderContext({
    recipientPublicKey: await suite.kem.deserializePublicKey(plain(sealingKey)),
    info: INFO,
    psk: psk(bytes(input.link), input.header.delivery),
  });
  const padded = pad(Buffer.from(input.secret, "utf8"));
  const ciphertext = Buffer.from(await context.seal(plain(padded), plain(header)));
  const kemEnc = Buffer.from(context.enc);
  const statement = encodeEnvelopeStatement(header, credentialId, sealingKey, kemEnc, ciphertext);
  const envelope = enc(SUITE, credentialId, kemEnc, ciphertext, host.sign(statement));
  return {
    header: base64url(header),
    envelope: base64url(envelope),
    opened: base64url(Buffer.from(await context.export(OPENED, 32))),
  };
}

let input = "";
for await (const chunk of process.stdin) input += chunk;
const request = JSON.parse(input);
const answer = request.open ? await open(request.open) : await seal(request.seal);
process.stdout.write(JSON.stringify(answer));
