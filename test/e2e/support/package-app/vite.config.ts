/** The build of the recipes: a page for each framework, and one for the hooks. */

import { svelte } from '@sveltejs/vite-plugin-svelte'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [vue(), svelte()],
  build: { rolldownOptions: { input: ['react.html', 'vue.html', 'svelte.html', 'hooks.html'] } },
})
