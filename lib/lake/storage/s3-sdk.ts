import { SyncError } from '../../domain/errors.js'

/** The client of S3. Throws CONFIG_MISSING when its package is not installed. */
export async function loadSdk() {
  try {
    // Only buckets need it, so it is loaded late and may be absent.
    return await import('@aws-sdk/client-s3')
  } catch (cause) {
    throw new SyncError('CONFIG_MISSING', 'A lake in a bucket needs the package @aws-sdk/client-s3.', {
      remedy: 'Run npm install @aws-sdk/client-s3, with -g where chatwoot-sync is installed globally.',
      cause,
    })
  }
}
