/** Named by the types of parquet-wasm; neither `lib: esnext` nor Node declares it. */
declare namespace WebAssembly {
  interface Table {
    readonly length: number;
  }
}
