// bitcoinjs-lib as the judge of Bitcoin signatures: builds PSBTs, validates, finishes and extracts them, and derives children.
// A JSON list of questions on standard input, their answers on standard output. Nothing here is Cloister's.

import { readFileSync } from "node:fs";
import { BIP32Factory } from "bip32";
import { Psbt, Transaction, initEccLib, payments, script } from "bitcoinjs-lib";
import { ECPairFactory } from "ecpair";
import * as ecc from "tiny-secp256k1";

initEccLib(ecc);
const ECPair = ECPairFactory(ecc);
const bip32 = BIP32Factory(ecc);
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const bytes = (text) => new Uint8Array(Buffer.from(text, "hex"));

/** Somebody who spends a coin of their own in the same transaction. */
const other = ECPair.fromPrivateKey(bytes("22".repeat(32)));
const coin = 100_000n;

/** The outputs that a public key can spend, by the names of their kinds. */
function outputs(pubkey) {
  const p2wpkh = payments.p2wpkh({ pubkey });
  return {
    p2wpkh,
    p2sh_p2wpkh: payments.p2sh({ redeem: p2wpkh }),
    p2pkh: payments.p2pkh({ pubkey }),
    p2tr: payments.p2tr({ internalPubkey: pubkey.slice(1) }),
  };
}

/** A PSBT that spends a coin of each of these kinds, and one of somebody else's if that is wanted. */
function build({ public_key: key, kinds, beside_other: besideOther }) {
  const ours = outputs(bytes(key));
  const spent = kinds.map((kind) => [kind, ours[kind]]);
  if (besideOther) spent.splice(1, 0, ["p2wpkh", outputs(other.publicKey).p2wpkh]);
  const psbt = new Psbt();
  psbt.setVersion(2).setLocktime(600_000);
  spent.forEach(([kind, payment], number) => psbt.addInput(input(kind, payment, number)));
  const paid = BigInt(spent.length) * coin - 5_000n;
  psbt.addOutput({ script: payments.p2pkh({ pubkey: other.publicKey }).output, value: paid - 30_000n });
  psbt.addOutput({ script: ours[kinds[0]].output, value: 30_000n });
  return psbt.toHex();
}

function input(kind, payment, number) {
  const funding = new Transaction();
  funding.version = 2;
  funding.locktime = number;
  funding.addInput(new Uint8Array(32).fill(9), number);
  funding.addOutput(payment.output, coin);
  const known = { hash: funding.getId(), index: 0, sequence: 0xfffffffd, nonWitnessUtxo: funding.toBuffer() };
  if (kind === "p2sh_p2wpkh") known.redeemScript = payment.redeem.output;
  if (kind === "p2pkh") return known;
  known.witnessUtxo = { script: payment.output, value: coin };
  if (kind === "p2tr") known.tapInternalKey = payment.internalPubkey;
  return known;
}

const validator = (pubkey, digest, signature) =>
  pubkey.length === 32 ? ecc.verifySchnorr(digest, pubkey, signature) : ecc.verify(digest, pubkey, signature);

/** Puts signatures of `r ‖ s` (ECDSA) or of BIP-340 into an unsigned PSBT, and finishes it. */
function insert({ psbt: unsigned, public_key: key, signatures }) {
  const psbt = Psbt.fromHex(unsigned);
  signatures.forEach((text, number) => {
    const signature = bytes(text);
    const known = psbt.data.inputs[number].tapInternalKey
      ? { tapKeySig: signature }
      : { partialSig: [{ pubkey: bytes(key), signature: script.signature.encode(signature, Transaction.SIGHASH_ALL) }] };
    psbt.updateInput(number, known);
  });
  return finish(psbt);
}

/** Signs what is somebody else's in a PSBT that is signed in part, and finishes it. */
function complete({ psbt: signed }) {
  const psbt = Psbt.fromHex(signed);
  psbt.signInput(1, other);
  return finish(psbt);
}

function finish(psbt) {
  if (!psbt.validateSignaturesOfAllInputs(validator)) throw new Error("a signature is not valid");
  return extract(psbt.finalizeAllInputs());
}

function extract(psbt) {
  const transaction = psbt.extractTransaction();
  return { transaction: transaction.toHex(), txid: transaction.getId() };
}

/** The child of a public key with its chain code, and its addresses. */
function child({ public_key: key, chain_code: chainCode, path, xpub }) {
  const root = bip32.fromPublicKey(bytes(key), bytes(chainCode));
  if (root.toBase58() !== xpub) throw new Error("another extended key");
  const { publicKey } = root.derivePath(path);
  const addresses = Object.entries(outputs(publicKey)).map(([kind, { address }]) => [kind, address]);
  return { public_key: hex(publicKey), ...Object.fromEntries(addresses) };
}

const questions = { build, insert, complete, extract: ({ psbt }) => extract(Psbt.fromHex(psbt)), child };
const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(asked.map((question) => questions[question.do](question))));
