// Generated from apps/gateway/schema.graphql by `npm run generate -w @medley/gateway`. Do not edit.
/** Of the operations of the web page and of the client package (operation-fingerprint.ts). */
export const OWN_OPERATIONS: readonly string[] = [
  // Ask of the web page
  "fb1cc26c3e4042d00db7b0bda5c2442c18ae29d3625de2a516d573ccd30f0d94",
  // Caption of the web page
  "1ae3e2d29fad8423851d7bc68d11b34655623b5b5a0574b8ee5803b9703d8063",
  // Corpora of the web page
  "4fd236a39bcf87b09aa081c1f11e63aae6cc90ce55a5872e5ee2aef93be398d4",
  // CreateUpload of the web page
  "337e6eff6894690edb8418c797a8a5decbe198267061f63c5b50ed58b1f565f5",
  // Evidence of the web page
  "2ecd62344823ed7295a71dfa2fc013b7a1d923fc2e8ff67c8446cd94b9974c01",
  // Filling of the web page
  "6e45049338babcf32b5783e66aa2f22a9e29d811460df341a386276f0cb70ed7",
  // Image of the web page
  "c09cd6cdb7e0015bc9ece1a639b17a39effb352dc405bd2703a68389e8317bb0",
  // SearchRefined of the web page
  "99b2f5d6a538c1a6ee8295bef1f3a77f550416138420f3cbbc6e4af234a67dd6",
  // Search of the web page
  "9451d6b2dfe2ffaf335d56a656a9cabd542f1444ad487fadc82d7e6a612352e8",
  // Ask of the client
  "e56201336a7ea49137c5b91c654b376d133f1e1c030bb8fdafa347260ebfe548",
  // Describe of the client
  "f60a10dc5efa3666c54880e5e8d4e001b39b01a6c6b1f04502db779ddbf3c18a",
  // Evidence of the client
  "2eee2dc36e8a96c77717d48855c33f443b9af8cb27411469531948c3ac272c72",
  // Operations of the client
  "91d06efb710cf8ed1b9fa6b503761929a28e9a51548e52db23d32ca8a7c2cc67",
  // OperationUpdated of the client
  "f76dfdb396e334beb9a8f82b64b9c391d758450a60aeace7e47709083aaf31e8",
  // Search of the client
  "8c05b446b77a7c9c003bd869cfbeda2442e31733373f40d22386a2605ba7254f",
  // SearchRefined of the client
  "81e31ab0e2f251930b8f316122ab86d4c71a13ccfebed8cd7b32ba3fa097f342",
  // CreateUpload of the client
  "fdead7338c7c8e188a0d6e978fa049eefe40c2904d0310fad5543349ff263394",
  // Upload of the client
  "700fe000b5d7831f1cbd4404025cdf6dffa97c81ad6367e7ef9b708d9cf70fb6",
  // UploadUpdated of the client
  "f96400f235f874a346f2e7012610eaaee83f0adba314d22d5e28e9331e1ec08f",
];
