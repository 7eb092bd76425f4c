/** `node build.mjs FOLDER` puts the page there: type-checked by Angular's compiler, bundled by esbuild. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatDiagnostics, performCompilation, readConfiguration } from '@angular/compiler-cli';
import { build } from 'esbuild';

const [, , folder] = process.argv;
const here = fileURLToPath(new URL('.', import.meta.url));
const compiled = mkdtempSync(join(here, '../node_modules/.compiled-')); // where packages are found, and git ignores it
try {
  const configuration = readConfiguration(here, { outDir: compiled });
  const diagnostics = [...configuration.errors, ...performCompilation(configuration).diagnostics];
  if (diagnostics.length) throw new Error(formatDiagnostics(diagnostics));
  await build({ entryPoints: [join(compiled, 'main.js')], outdir: folder, bundle: true, format: 'esm' });
} finally {
  rmSync(compiled, { recursive: true });
}
copyFileSync(join(here, 'index.html'), join(folder, 'index.html'));
