/** A file as text: vite puts it into the page. */
declare module '*?raw' {
  const text: string
  export default text
}
