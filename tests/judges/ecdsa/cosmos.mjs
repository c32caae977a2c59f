// CosmJS as the judge of Cosmos transactions: builds what is signed, and reads and verifies what is sent.
// A JSON list of questions on standard input, their answers on standard output. Nothing here is Cloister's.

import { readFileSync } from "node:fs";
import { encodeSecp256k1Pubkey, pubkeyToAddress } from "@cosmjs/amino";
import { Secp256k1, Secp256k1Signature, sha256 } from "@cosmjs/crypto";
import {
  Registry,
  decodePubkey,
  decodeTxRaw,
  encodePubkey,
  makeAuthInfoBytes,
  makeSignBytes,
  makeSignDoc,
} from "@cosmjs/proto-signing";
import { MsgSend } from "cosmjs-types/cosmos/bank/v1beta1/tx.js";
import { TxRaw } from "cosmjs-types/cosmos/tx/v1beta1/tx.js";

const MSG_SEND = "/cosmos.bank.v1beta1.MsgSend";
const registry = new Registry([[MSG_SEND, MsgSend]]);
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const bytes = (text) => new Uint8Array(Buffer.from(text, "hex"));

/** The account of a compressed public key. */
const address = (key, prefix) => pubkeyToAddress(encodeSecp256k1Pubkey(bytes(key)), prefix);

/** A payment: the bytes that are signed, and who pays. */
function build({ public_key: key, chain_id: chain, account_number: account, prefix }) {
  const from = address(key, prefix);
  const to = pubkeyToAddress(encodeSecp256k1Pubkey(bytes("02" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")), prefix);
  const send = { fromAddress: from, toAddress: to, amount: [{ denom: "uatom", amount: "1234567" }] };
  const messages = [{ typeUrl: MSG_SEND, value: send }];
  const body = registry.encodeTxBody({ messages, memo: "café, 42" });
  const pubkey = encodePubkey(encodeSecp256k1Pubkey(bytes(key)));
  const fee = [{ denom: "uatom", amount: "5000" }];
  const info = makeAuthInfoBytes([{ pubkey, sequence: 7 }], fee, 200000, undefined, undefined);
  return { address: from, payload: hex(makeSignBytes(makeSignDoc(body, info, chain, account))) };
}

/** Reads a `TxRaw`, and verifies its signature over a digest that is made from what was read. */
async function verify({ transaction, chain_id: chain, account_number: account, prefix }) {
  const { bodyBytes, authInfoBytes, signatures } = TxRaw.decode(bytes(transaction));
  const { body, authInfo } = decodeTxRaw(bytes(transaction));
  const signed = makeSignBytes(makeSignDoc(bodyBytes, authInfoBytes, chain, account));
  const [signer, ...others] = authInfo.signerInfos;
  const key = decodePubkey(signer.publicKey);
  const signature = Secp256k1Signature.fromFixedLength(signatures[0]);
  const verified = await Secp256k1.verifySignature(signature, sha256(signed), Buffer.from(key.value, "base64"));
  const send = registry.decode(body.messages[0]);
  return {
    verified: verified && signatures.length === 1 && others.length === 0 && body.messages.length === 1,
    signer: pubkeyToAddress(key, prefix),
    from: send.fromAddress,
    amount: send.amount,
    memo: body.memo,
    sequence: Number(signer.sequence),
    signed: hex(signed),
    txid: hex(sha256(bytes(transaction))).toUpperCase(),
  };
}

const questions = { address: ({ public_key: key, prefix }) => address(key, prefix), build, verify };
const asked = JSON.parse(readFileSync(0, "utf8"));
const answers = await Promise.all(asked.map((question) => questions[question.do](question)));
process.stdout.write(JSON.stringify(answers));
