// Generated from apps/gateway/schema.graphql by `npm run generate -w @medley/gateway`. Do not edit.
/** Of the operations of the web page and of the client package (operation-fingerprint.ts). */
export const OWN_OPERATIONS: readonly string[] = [
  // Ask of the web page
  "03c88b89fb177043dff7d5ce7917c94086cc85e3b7054ee9654512817e4242b4",
  // Caption of the web page
  "e83b2a6173bcaaf40bd57263abcef9d277a893147706e8e6298b1c472884a1d0",
  // Corpora of the web page
  "2e5de01c8e0cf94c9d294e7699bb30ffe049a363334bf1e496fe6ac5defe0b6b",
  // CreateUpload of the web page
  "3eea45a28e604de6ab790078fbd54f85c4c4a7b9036d0a34741fe989a499e80f",
  // Evidence of the web page
  "747b4860fc0b27d55fca4d126893247bb5e2218a421ccaaf840a322996a90816",
  // Filling of the web page
  "07519fb966d58588006fc2511c88a32a825c8c927ec90df2d1a0d3e86b27dfdf",
  // Image of the web page
  "49a1f27544052980b96ffd7f6816a14afe8f5e3eda90f794365fb8a770b9ed29",
  // SearchRefined of the web page
  "455c02e7d6f236db8fe53332fcf5062278cc24a37604917f5529b6c58c015e17",
  // Search of the web page
  "10783131fd8d74ec5e66aca80bce6d7505ea0c33161499ff41746348c0240ed3",
  // Ask of the client
  "99e0f63d7f0aa87222dbccbf225d83025c8b719c02ea8daf6372fc587b88929a",
  // Describe of the client
  "392f4981605a5a6667bac7c21c5a462d421445b3fd2d19b2dca41e89b57c9b46",
  // Evidence of the client
  "4eee7d1f178c2a90e3df4e2822765688dee0d2eace016500c6d5bc486150cdec",
  // Operations of the client
  "29c9e61a4a21b93b07fb0d8bf297d0e0e9956202ae9bfc6ab18e38d27497af09",
  // OperationUpdated of the client
  "cde3f42b5b98a02da12cd770c55a2db6aa45d9e51977aea523d578dc6198e237",
  // Search of the client
  "d95c032b758f3405a90aa87f64702db21fa1f9eab1a5ef00e87060fa627ddd3d",
  // SearchRefined of the client
  "1f3ce98d28ce5a2a4e066d086c5ed94df9d03a1b8e393be9bfcf3c6d8fd949f8",
  // CreateUpload of the client
  "f1702bf2adaa9419879dc366c42ba61334abd8698daf717c30902cc1dc1da898",
  // Upload of the client
  "566cc528af74e14084b4be33f8e61d28d1d5b6e04a24dcd19991aabe2718df87",
  // UploadUpdated of the client
  "1f69c049e69cf14ed39ec09a4144f135d462817d228e181d53586e371ded4807",
];
