import { blobsContract } from '../../contracts/blobs.js'
import { lmdbStore } from './backend.js'

blobsContract(lmdbStore)
