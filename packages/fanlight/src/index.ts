/**
 * Fanlight in one package: the core, the router and the views. Stores on disk are packages of their own.
 *
 * @module
 */
export * from '@fanlight/core'
export * from '@fanlight/router'
export * from '@fanlight/views'
