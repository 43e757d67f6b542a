export { type Pipe, createPipe } from './pipe.ts'
