// Makes dist/dashboard/: one page with its script and style inside, its icon, and whose work is in it.
// `npm run build` runs it.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const text = (name) => readFileSync(path(name), 'utf8');

const bundle = await rolldown({
  input: path('app.tsx'),
  tsconfig: path('tsconfig.json'),
  transform: { define: { 'process.env.NODE_ENV': '"production"' } },
});
const { output } = await bundle.generate({ format: 'esm', minify: true, comments: false });
await bundle.close();

// A script can't hold the end of its own element.
const script = output[0].code.replaceAll('</script', '<\\/script');
const style = text('../../node_modules/uplot/dist/uPlot.min.css') + text('style.css');
const page = text('page.html')
  .replace('/* style */', () => style)
  .replace('/* script */', () => script);

/** What the package ships. */
export const dashboardFolder = path('../../dist/dashboard/');
mkdirSync(dashboardFolder, { recursive: true });
writeFileSync(`${dashboardFolder}page.html`, page);
const licences = ['preact', 'uplot'].map(
  (name) => `${name}\n\n${text(`../../node_modules/${name}/LICENSE`)}`,
);
writeFileSync(`${dashboardFolder}LICENSES.txt`, licences.join('\n\n'));
copyFileSync(path('icon.svg'), `${dashboardFolder}icon.svg`);
