import { queueContract } from '../../contracts/queue.js'
import { lmdbStore } from './backend.js'

queueContract(lmdbStore)
