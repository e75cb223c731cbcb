import { SyncError } from '../../domain/errors.js'

/** The status of a response; undefined where there was none. */
export function statusOf(error: unknown): number | undefined {
  const metadata: unknown = Reflect.get(Object(error), '$metadata')
  const status: unknown = Reflect.get(Object(metadata), 'httpStatusCode')
  return typeof status === 'number' ? status : undefined
}

const nameOf = (error: unknown): string => {
  const code: unknown = Reflect.get(Object(error), 'code')
  return typeof code === 'string' ? code : String(Reflect.get(Object(error), 'name') ?? 'an error')
}

export const isNotFound = (error: unknown): boolean =>
  nameOf(error) === 'NoSuchKey' || nameOf(error) === 'NotFound'

/** What the store says where the object exists already. */
export const isConditionFailed = (error: unknown): boolean => statusOf(error) === 412

/** Whether the same request may succeed a little later. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error)
  // Without credentials nothing is sent. Whatever else has no answer is about the connection.
  if (status === undefined) return !/Credentials|Region/.test(nameOf(error))
  // 409: another conditional request for the same object is under way.
  return status >= 500 || [408, 409, 429].includes(status) || nameOf(error) === 'RequestTimeTooSkewed'
}

/** The error of a bucket. What the store writes can quote keys, so only its name for the error is shown. */
export function bucketError(cause: unknown, place: string, request: string): SyncError {
  const status = statusOf(cause)
  const name = nameOf(cause)
  const answer = status === undefined ? `it failed with ${name}` : `the store answered ${status} (${name})`
  return new SyncError('STORAGE_FAILED', `${request} failed for ${place}: ${answer}.`, {
    remedy: remedyOf(status, name),
    details: { place, request, status: status ?? null, storeError: name },
    cause,
  })
}

function remedyOf(status: number | undefined, name: string): string {
  if (/Credentials/.test(name))
    return 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role of AWS.'
  if (/Region/.test(name) || status === 301) return 'Set the region of the bucket (AWS_REGION).'
  if (status === 403) return 'Allow GetObject, PutObject, DeleteObject and ListBucket there.'
  if (status === 404) return 'Create the bucket, or correct its name or the endpoint.'
  if (status === undefined) return 'Check the endpoint and the network; the next run continues.'
  return 'Look at the state of the store; the next run continues.'
}
