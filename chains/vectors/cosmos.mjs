// Writes cosmos.json: sign documents, digests, addresses and signed transactions as CosmJS, which
// shares no code with `chains`, makes them (SIGN_MODE_DIRECT, MsgSend).
//
//   npm install @cosmjs/{proto-signing,amino,crypto,encoding}@0.39.0 cosmjs-types@0.11.0 && node cosmos.mjs > cosmos.json

import { createHash } from 'node:crypto';
import { encodeSecp256k1Pubkey, pubkeyToAddress } from '@cosmjs/amino';
import { sha256 } from '@cosmjs/crypto';
import { toBech32 } from '@cosmjs/encoding';
import {
  DirectSecp256k1Wallet, encodePubkey, makeAuthInfoBytes, makeSignBytes, makeSignDoc,
} from '@cosmjs/proto-signing';
import { MsgSend } from 'cosmjs-types/cosmos/bank/v1beta1/tx';
import { TxBody, TxRaw } from 'cosmjs-types/cosmos/tx/v1beta1/tx';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const secret = (name) => createHash('sha256').update(name).digest();
const recipient = (prefix, name, length) => toBech32(prefix, createHash('sha256').update(name).digest().subarray(0, length));
const coins = (...pairs) => pairs.map(([amount, denom]) => ({ amount, denom }));

const drafts = [
  {
    name: 'one coin', prefix: 'cosmos', chainId: 'cosmoshub-4', accountNumber: 812, sequence: 17,
    sends: [{ amount: coins(['1000000', 'uatom']) }], fee: coins(['5000', 'uatom']), gas: 200000,
  },
  {
    name: 'all defaults', prefix: 'cosmos', chainId: 'testing', accountNumber: 0, sequence: 0,
    sends: [{ amount: coins(['1', 'stake']) }], fee: [], gas: 0,
  },
  {
    name: 'memo and timeout', prefix: 'osmo', chainId: 'osmosis-1', accountNumber: 2 ** 40, sequence: 300,
    sends: [{ amount: coins(['115792089237316195423570985008687907853269984665640564039457584007913129639935', 'uosmo']) }],
    fee: coins(['1', 'uosmo']), gas: 80000, memo: 'Grüße: 104729', timeoutHeight: 12345678n,
  },
  {
    name: 'several coins', prefix: 'juno', chainId: 'juno-1', accountNumber: 5, sequence: 127,
    sends: [{ amount: coins(['7', 'factory/juno1abc/token'], ['8', 'ibc/27394FB092D2ECCD56123C74F36E4C1F926001CEADA9CA97EA622B25F41E5EB2'], ['9', 'ujuno']) }],
    fee: coins(['2', 'ibc/27394FB092D2ECCD56123C74F36E4C1F926001CEADA9CA97EA622B25F41E5EB2'], ['1', 'ujuno']), gas: 100,
  },
  {
    name: 'several messages to contracts', prefix: 'neutron', chainId: 'neutron-1', accountNumber: 128, sequence: 1,
    sends: [
      { amount: coins(['1', 'untrn']), length: 32 },
      { amount: coins(['2', 'untrn']), length: 20 },
      { amount: coins(['3', 'untrn']), length: 32 },
    ],
    fee: coins(['1000', 'untrn']), gas: 2 ** 33,
  },
  {
    name: 'payer named', prefix: 'cosmos', chainId: 'cosmoshub-4', accountNumber: 1, sequence: 2,
    sends: [{ amount: coins(['1', 'uatom']) }], fee: coins(['1', 'uatom']), gas: 1, namesPayer: true,
  },
];

async function build(draft) {
  const { name, prefix, chainId, accountNumber, sequence, fee, gas, memo = '', timeoutHeight = 0n } = draft;
  const wallet = await DirectSecp256k1Wallet.fromKey(secret(name), prefix);
  const [{ address, pubkey }] = await wallet.getAccounts();
  const amino = encodeSecp256k1Pubkey(pubkey);
  const sends = draft.sends.map(({ amount, length = 20 }, i) => ({
    fromAddress: address, toAddress: recipient(prefix, `${name} ${i}`, length), amount,
  }));
  const body = TxBody.encode(TxBody.fromPartial({
    messages: sends.map((send) => ({
      typeUrl: '/cosmos.bank.v1beta1.MsgSend', value: MsgSend.encode(MsgSend.fromPartial(send)).finish(),
    })),
    memo, timeoutHeight,
  })).finish();
  const payer = draft.namesPayer ? address : undefined;
  const auth = makeAuthInfoBytes([{ pubkey: encodePubkey(amino), sequence }], fee, gas, undefined, payer);
  const document = makeSignDoc(body, auth, chainId, accountNumber);
  const bytes = makeSignBytes(document);
  const { signature: { signature } } = await wallet.signDirect(address, document);
  const raw = TxRaw.encode(TxRaw.fromPartial({
    bodyBytes: body, authInfoBytes: auth, signatures: [Buffer.from(signature, 'base64')],
  })).finish();
  return {
    name, prefix, public_key: hex(pubkey), address: pubkeyToAddress(amino, prefix), chain_id: chainId,
    account_number: accountNumber, sequence, memo, timeout_height: Number(timeoutHeight), gas_limit: gas, fee,
    sends: sends.map(({ fromAddress: from, toAddress: to, amount }) => ({ from, to, amount })),
    sign_doc: hex(bytes), digest: hex(sha256(bytes)), signature: hex(Buffer.from(signature, 'base64')),
    tx_raw: hex(raw), hash: hex(sha256(raw)),
  };
}

const cases = await Promise.all(drafts.map(build));
console.log(JSON.stringify({ made_with: '@cosmjs/proto-signing 0.39.0, cosmjs-types 0.11.0', cases }, null, 1));
