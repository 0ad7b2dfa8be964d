import { blobsContract } from '../../contracts/blobs.js'
import { memoryStore } from './backend.js'

blobsContract(memoryStore)
