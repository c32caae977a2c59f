// Writes cosmos.json: sign documents, digests, addresses and signed transactions as CosmJS, which
// shares no code with `chains`, makes them (SIGN_MODE_DIRECT), and what each does.
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
import { MsgWithdrawDelegatorReward } from 'cosmjs-types/cosmos/distribution/v1beta1/tx';
import { MsgBeginRedelegate, MsgDelegate, MsgUndelegate } from 'cosmjs-types/cosmos/staking/v1beta1/tx';
import { TxBody, TxRaw } from 'cosmjs-types/cosmos/tx/v1beta1/tx';
import { MsgTransfer } from 'cosmjs-types/ibc/applications/transfer/v1/tx';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const secret = (name) => createHash('sha256').update(name).digest();
const recipient = (prefix, name, length) => toBech32(prefix, createHash('sha256').update(name).digest().subarray(0, length));
const coins = (...pairs) => pairs.map(([amount, denom]) => ({ amount, denom }));

const [valoper, other] = ['one', 'two'].map((name) => recipient('cosmosvaloper', name, 20));
const staked = (delegatorAddress, amount) => ({ delegatorAddress, validatorAddress: valoper, amount: { denom: 'uatom', amount } });
const left = (sender, more) => ({
  sender, sourcePort: 'transfer', sourceChannel: 'channel-141', token: { denom: 'uatom', amount: '12' },
  receiver: recipient('osmo', 'receiver', 20), ...more,
});
const leaves = `pays 12 uatom to "${recipient('osmo', 'receiver', 20)}" over channel-141, before`;
const memo = '{"wasm":{"contract":"osmo1"}}';
const STAKING = '/cosmos.staking.v1beta1.';

// Messages other than sends: type, fields for this address, and what each does.
const others = [
  [`${STAKING}MsgDelegate`, MsgDelegate, (from) => staked(from, '7'), [`stakes 7 uatom with ${valoper}`]],
  [`${STAKING}MsgUndelegate`, MsgUndelegate, (from) => staked(from, '8'), [`stops staking 8 uatom with ${valoper}`]],
  [
    `${STAKING}MsgBeginRedelegate`, MsgBeginRedelegate,
    (from) => ({ delegatorAddress: from, validatorSrcAddress: valoper, validatorDstAddress: other, amount: { denom: 'uatom', amount: '9' } }),
    [`stakes 9 uatom with ${other} instead of ${valoper}`],
  ],
  [
    '/cosmos.distribution.v1beta1.MsgWithdrawDelegatorReward', MsgWithdrawDelegatorReward,
    (from) => ({ delegatorAddress: from, validatorAddress: valoper }), [`collects the rewards of staking with ${valoper}`],
  ],
  ...[
    [{ timeoutHeight: { revisionNumber: 1n, revisionHeight: 99n } }, [`${leaves} block 1-99`]],
    [{ timeoutTimestamp: 1700000000000000000n }, [`${leaves} 1700000000000000000 nanoseconds since 1970`]],
    [
      { timeoutHeight: { revisionNumber: 0n, revisionHeight: 5n }, timeoutTimestamp: 6n, memo },
      [
        `${leaves} block 0-5 and 6 nanoseconds since 1970`,
        `calls the chain behind channel-141 with input 0x${createHash('sha256').update(memo).digest('hex')}`,
      ],
    ],
  ].map(([more, effects]) => ['/ibc.applications.transfer.v1.MsgTransfer', MsgTransfer, (from) => left(from, more), effects]),
];

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
  ...others.map((other) => ({
    name: other[0], prefix: 'cosmos', chainId: 'cosmoshub-4', accountNumber: 1, sequence: 2,
    sends: [], others: [other], fee: coins(['1', 'uatom']), gas: 1,
  })),
  {
    name: 'all kinds of messages', prefix: 'cosmos', chainId: 'cosmoshub-4', accountNumber: 1, sequence: 2,
    sends: [{ amount: coins(['1', 'uatom']) }], others, fee: coins(['1', 'uatom']), gas: 1,
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
  const all = [
    ...sends.map((send) => [
      '/cosmos.bank.v1beta1.MsgSend', MsgSend, () => send,
      send.amount.map(({ amount, denom }) => `pays ${amount} ${denom} to ${send.toAddress}`),
    ]),
    ...draft.others ?? [],
  ];
  const body = TxBody.encode(TxBody.fromPartial({
    messages: all.map(([typeUrl, type, fields]) => ({
      typeUrl, value: type.encode(type.fromPartial(fields(address))).finish(),
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
    effects: [...all.flatMap(([, , , effects]) => effects), ...fee.map(({ amount, denom }) => `costs up to ${amount} ${denom}`)],
    sign_doc: hex(bytes), digest: hex(sha256(bytes)), signature: hex(Buffer.from(signature, 'base64')),
    tx_raw: hex(raw), hash: hex(sha256(raw)),
  };
}

const cases = await Promise.all(drafts.map(build));
console.log(JSON.stringify({ made_with: '@cosmjs/proto-signing 0.39.0, cosmjs-types 0.11.0', cases }, null, 1));
